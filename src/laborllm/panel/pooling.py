"""Training careers of several panels together, as LABOR-LLM pools surveys (arXiv 2406.17972), judged on one of them.

The pooled panel keeps all workers of its first one, with their splits, and adds training workers of others: any share
of them, drawn alike, by sampling weight, or so that their covariates become those of the first one's training workers.
Whoever is held out stays held out, and whoever is added is only trained on, whatever model is fitted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import PanelError
from laborllm.occupations import Taxonomy
from laborllm.panel.facts import Provenance
from laborllm.panel.files.store import Careers
from laborllm.panel.panel import Panel
from laborllm.panel.states import COARSENED, over, shared_states
from laborllm.privacy import SMALLEST_CELL

Draw = Literal["alike", "weight", "target"]

ADDED = "added from"  # how notes on additions begin
HELD_OUT = "workers in split test of "  # how notes on those who are held out begin

ALIKE = ("education", "gender", "ethnicity", "region")
"""What a draw toward a target compares, in a worker's first record; cohorts of two surveys seldom overlap."""


@dataclass(frozen=True)
class Addition:
    """Training workers to add from another panel: a share of them, drawn without replacement.

    Attributes:
        panel: The other panel.
        share: Of its training workers, above 0 and at most 1.
        draw: `alike`; `weight`, in proportion to the mean sampling weight of a worker's records; or `target`, in
            proportion to how much more frequent a worker's covariates are among the training workers of the first panel
            than here.

    Raises:
        PanelError: A share out of its range, or an unknown draw.
    """

    panel: Panel
    share: float = 1.0
    draw: Draw = "alike"

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise PanelError(f"the share of {self.panel.dataset} must be above 0 and at most 1, not {self.share}")
        if self.draw not in get_args(Draw):
            raise PanelError(f"unknown way to draw workers {self.draw!r}: use {', '.join(get_args(Draw))}")


def mix(panel: Panel, additions: Sequence[Addition], *, seed: int) -> Panel:
    """Add training workers of other panels to a panel.

    Panels that distinguish different states are pooled over the finest states that all can be expressed in.

    Args:
        panel: Keeps all its workers, each in the split it had.
        additions: The panels whose training workers are added, and how many of them.
        seed: Seed of the draws.

    Returns:
        The pooled panel; names of added workers begin with the label of their dataset. `provenance.notes` says how many
        were added from where, and which records of the first panel and of the added workers had a finer state.

    Raises:
        PanelError: Two panels have one label, know one dataset by two splits or differ in more than their states, or a
            draw asks for weights or covariates that are not there.

    Examples:
        `mix(nlsy97, [Addition(nlsy79, share=0.5)], seed=0)` adds half of the NLSY79's training workers.
    """
    labels = [panel.dataset, *(addition.panel.dataset for addition in additions)]
    for label in labels:
        if labels.count(label) > 1:
            raise PanelError(f"two panels are labelled {label}: a career's text could not say which it is from")
    held_out = _held_out([panel, *(addition.panel for addition in additions)])
    taxonomy = _shared_taxonomy([panel, *(addition.panel for addition in additions)])
    first = over(panel, taxonomy)
    added = [over(_draw(panel, addition, seed), taxonomy) for addition in additions]
    known = first.provenance
    provenance = Provenance(
        source=f"pooled from {', '.join(labels)}",
        files=known.files,
        rows_in=known.rows_in + sum(map(len, added)),
        left_out=known.left_out,
        notes=known.notes | _as_notes(held_out, without=panel.dataset) | dict(map(_note, additions, added)),
    )
    return replace(
        first, records=_joined([first, *added], [first.records, *map(_labelled, added)]), provenance=provenance
    )


def join(panels: Sequence[Panel], dataset: str) -> Panel:
    """All workers of several panels in one, each in the split that she has.

    Args:
        panels: The panels; where their states differ, they are joined over the finest that all can be expressed in.
        dataset: Label of the joined panel.

    Returns:
        The joined panel; names of workers, and of the households that the splits keep whole, begin with the label of
        their dataset, and nobody has a weight.

    Raises:
        PanelError: Two panels differ in more than their states or in the type of a column, or know one dataset by two
            splits.

    Examples:
        `join([nlsy97, nlsy79], "NLSY")` is what a model of both surveys is fitted on.
    """
    taxonomy = _shared_taxonomy(panels)
    parts = [_with_own_clusters(over(panel, taxonomy)) for panel in panels]
    notes = _as_notes(_held_out(panels))
    source = f"joined from {', '.join(panel.dataset for panel in panels)}"
    provenance = Provenance(source=source, rows_in=sum(map(len, parts)), notes=notes)
    split_by = {panel.split_by for panel in panels}
    kept_whole = split_by.pop() if len(split_by) == 1 else "worker"
    return Panel(_joined(parts, map(_labelled, parts)), taxonomy, dataset, provenance, split_by=kept_whole)


def pooling_notes(pooled: Panel) -> dict[str, str]:
    """What the notes of a pooled panel say about who was added, and which states became coarser."""
    notes = pooled.provenance.notes.items()
    return {name: note for name, note in notes if name == COARSENED or name.startswith(ADDED)}


def held_out_of(careers: Careers) -> dict[str, str]:
    """Hash of who is in split test, by the label of each dataset that a panel was pooled from, and of its own."""
    notes = careers.provenance.notes.items()
    others = {name.removeprefix(HELD_OUT): note for name, note in notes if name.startswith(HELD_OUT)}
    return others | {careers.dataset: careers.held_out}


def _shared_taxonomy(panels: Sequence[Panel]) -> Taxonomy:
    """The taxonomy that all panels can be expressed over. Raises `PanelError` where more than their states differs."""
    first, *others = panels
    for other in others:
        if other.taxonomy.without_states != first.taxonomy.without_states:
            ours, theirs = first.taxonomy, other.taxonomy
            raise PanelError(
                f"{first.dataset} has taxonomy {ours.name} with {len(ours)} occupations, {other.dataset} has "
                f"{theirs.name} with {len(theirs)}: panels can be pooled that differ in their states only"
            )
    taxonomies = [panel.taxonomy for panel in panels]
    return first.taxonomy.without_states.with_states(shared_states(taxonomies))


def _joined(panels: Sequence[Panel], records: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The records of all panels, as they join each other; a column that a panel lacks is null in its own.
    Raises `PanelError` if two panels have columns of one name and of two types."""
    types: dict[str, tuple[str, pl.DataType]] = {}
    for panel in panels:
        for name in panel.columns:
            dataset, kind = types.setdefault(name, (panel.dataset, panel.records.schema[name]))
            if panel.records.schema[name] != kind:
                found = f"{kind} in {dataset} and {panel.records.schema[name]} in {panel.dataset}"
                raise PanelError(f"column {name!r} is {found}: give one of them another name")
    return pl.concat(records, how="diagonal")


def _draw(panel: Panel, addition: Addition, seed: int) -> Panel:
    """The careers of the workers who are added."""
    other = addition.panel.subset("train").observed()
    people = other.records.group_by("worker", maintain_order=True).first()
    odds = _odds(panel, addition, other.records, people)
    count = max(1, round(addition.share * len(people)))
    chosen = people["worker"].gather(draw_without_replacement(odds, count, seed=seed))
    drawn = other.records.filter(pl.col("worker").is_in(chosen.implode()))
    notes = {name: note for name, note in other.provenance.notes.items() if name != COARSENED}
    return replace(other, records=drawn, provenance=replace(other.provenance, notes=notes))


def _labelled(panel: Panel) -> pl.DataFrame:
    """The records of a panel as they join another, with their dataset; their weights are of another population."""
    label = pl.lit(panel.dataset)
    return panel.records.with_columns(
        pl.concat_str(label, pl.lit(":"), "worker").alias("worker"),
        pl.lit(None, pl.Float64).alias("weight"),
        label.alias("dataset"),
    )


def _with_own_clusters(panel: Panel) -> Panel:
    """A panel whose households have names that no other panel has."""
    if panel.split_by == "worker":
        return panel
    own = pl.concat_str(pl.lit(f"{panel.dataset}:"), pl.col(panel.split_by).cast(pl.String)).alias(panel.split_by)
    return panel.part(panel.records.with_columns(own))


def _held_out(panels: Iterable[Panel]) -> dict[str, str]:
    """Hash of who is in split test, by the label of each dataset that is in the panels.

    Raises `PanelError` for a dataset that two of them have split otherwise: whom one holds out, the other trains on.
    """
    found: dict[str, str] = {}
    for panel in panels:
        for dataset, held_out in held_out_of(panel).items():
            if found.setdefault(dataset, held_out) != held_out:
                raise PanelError(
                    f"two of the panels hold other workers of {dataset} out, as they were split otherwise: whoever is "
                    "held out in one may be trained on in the other"
                )
    return found


def _as_notes(held_out: dict[str, str], without: str | None = None) -> dict[str, str]:
    """What the notes say about who is held out; of the pooled panel's own label the panel itself tells."""
    return {f"{HELD_OUT}{dataset}": found for dataset, found in held_out.items() if dataset != without}


def _note(addition: Addition, added: Panel) -> tuple[str, str]:
    """What the notes of the pooled panel say about an addition."""
    workers = f"{added.workers:,}" if added.workers >= SMALLEST_CELL else f"fewer than {SMALLEST_CELL}"
    drawn = f"{workers} training workers, {addition.share:g} of them, drawn {addition.draw}"
    coarsened = added.provenance.notes.get(COARSENED)
    states = f"; {COARSENED}, {coarsened}" if coarsened else ""
    return f"{ADDED} {added.dataset}", f"{drawn}; panel {addition.panel.fingerprint}{states}"


def _odds(panel: Panel, addition: Addition, records: pl.DataFrame, people: pl.DataFrame) -> NDArray[np.float64]:
    """How likely each worker is to be drawn, up to a factor, (workers,)."""
    if addition.draw == "target":
        target = panel.subset("train").observed().records.group_by("worker", maintain_order=True).first()
        return importance(people, target)
    if addition.draw == "alike":
        return np.ones(len(people))
    weights = records.group_by("worker", maintain_order=True).agg(pl.col("weight").mean())["weight"]
    if weights.null_count():
        raise PanelError(f"{addition.panel.dataset} has workers without a weight: they cannot be drawn by it")
    return weights.to_numpy()


def importance(people: pl.DataFrame, target: pl.DataFrame) -> NDArray[np.float64]:
    """Importance weights: the share of each worker's covariates in one population over their share in another.

    Args:
        people: A row per worker who may be drawn.
        target: A row per worker of the population to look like.

    Returns:
        The ratio for each row of `people`, (workers,); zero for values that nobody in `target` has. Alike are workers
        with the same values of every covariate of `ALIKE` that both tables know.

    Raises:
        PanelError: The tables know no covariate in common.
    """
    known = [name for name in ALIKE if people[name].count() and target[name].count()]
    if not known:
        raise PanelError("the panels have no covariate in common: workers cannot be drawn by it")
    here, there = (frame.group_by(known).agg((pl.len() / frame.height).alias("share")) for frame in (people, target))
    joined = people.select(known).join(here, on=known, how="left", nulls_equal=True, maintain_order="left")
    joined = joined.join(there, on=known, how="left", nulls_equal=True, maintain_order="left", suffix="_there")
    return joined.select(pl.col("share_there").fill_null(0.0) / pl.col("share")).to_series().to_numpy()


def draw_without_replacement(odds: NDArray[np.float64], count: int, *, seed: int) -> NDArray[np.intp]:
    """Draw rows one after the other in proportion to the odds of those that are left.

    By the logarithms of exponential waiting times, of which the first `count` come (Efraimidis and Spirakis 2006).

    Args:
        odds: Of each row, (n,), not negative; a row with odds of zero is never drawn.
        count: How many rows.
        seed: Decides which.

    Returns:
        Row numbers in ascending order, (count,).

    Raises:
        PanelError: Fewer than `count` rows have odds above zero.
    """
    possible = int((odds > 0).sum())
    if possible < count:
        raise PanelError(f"{count} workers are to be drawn, but only {possible} can be: ask for a smaller share")
    with np.errstate(divide="ignore"):
        waits = np.log(np.random.default_rng(seed).exponential(size=len(odds))) - np.log(odds)
    return np.sort(np.argpartition(waits, count - 1)[:count])
