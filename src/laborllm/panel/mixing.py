"""Training careers of several panels together, as LABOR-LLM pools surveys (arXiv 2406.17972), judged on one of them.

The pooled panel keeps all workers of its first one, with their splits, and adds training workers of others: any share
of them, drawn alike, by sampling weight, or so that their covariates become those of the first one's training workers.
Whoever is held out stays held out, and whoever is added is trained on alone, whatever model is fitted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import PanelError
from laborllm.panel.panel import Panel, Provenance

Draw = Literal["alike", "weight", "target"]

ALIKE = ("education", "gender", "ethnicity", "region")
"""What a draw toward a target looks at, in a worker's first record; cohorts of two surveys seldom overlap."""


@dataclass(frozen=True)
class Addition:
    """Training workers to add from `panel`: a share of them, drawn without replacement.

    draw: `alike`; `weight`, in proportion to the mean sampling weight of a worker's records; or `target`, in proportion
    to how much more frequent a worker's covariates are among the training workers of the first panel than here.
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
    """`panel` and, for training, the workers of `additions`; their names begin with the label of their dataset.

    Raises `PanelError` if two panels have one label or differ in their taxonomy, or where a draw asks for weights or
    covariates that are not there.
    """
    labels = [panel.dataset, *(addition.panel.dataset for addition in additions)]
    for label in labels:
        if labels.count(label) > 1:
            raise PanelError(f"two panels are labelled {label}: a career's text could not say which it is from")
    added = [_draw(panel, addition, seed) for addition in additions]
    notes = {
        f"added from {addition.panel.dataset}": f"{records['worker'].n_unique():,} training workers, "
        f"{addition.share:g} of them, drawn {addition.draw}; panel {addition.panel.fingerprint}"
        for addition, records in zip(additions, added, strict=True)
    }
    records = pl.concat([panel.records, *added])
    first = panel.provenance
    provenance = Provenance(
        source=f"pooled from {', '.join(labels)}",
        files=first.files,
        rows_in=first.rows_in + sum(map(len, added)),
        left_out=first.left_out,
        notes=first.notes | notes,
    )
    return Panel(records, panel.taxonomy, panel.dataset, provenance, panel.weight_kind)


def _draw(panel: Panel, addition: Addition, seed: int) -> pl.DataFrame:
    """The records of the workers who are added, with their dataset; their weights are of another population."""
    other = addition.panel
    if other.taxonomy != panel.taxonomy:
        raise PanelError(
            f"{panel.dataset} has taxonomy {panel.taxonomy.name} with {len(panel.taxonomy)} occupations, "
            f"{other.dataset} has {other.taxonomy.name} with {len(other.taxonomy)} or other titles: "
            "import both with the same states"
        )
    records = other.subset("train").observed().records
    people = records.group_by("worker", maintain_order=True).first()
    odds = _odds(panel, addition, records, people)
    count = max(1, round(addition.share * len(people)))
    chosen = people["worker"].gather(draw_without_replacement(odds, count, seed=seed))
    label = pl.lit(other.dataset)
    return records.filter(pl.col("worker").is_in(chosen.implode())).with_columns(
        pl.concat_str(label, pl.lit(":"), "worker").alias("worker"),
        pl.lit(None, pl.Float64).alias("weight"),
        label.alias("dataset"),
    )


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
    """Share of each worker's covariates among `target` over their share among `people`, (workers,).

    Both have a row per worker. Alike are those with the same values of every covariate of `ALIKE` that both tables
    know. Zero for values that no target worker has.
    """
    known = [name for name in ALIKE if people[name].count() and target[name].count()]
    if not known:
        raise PanelError("the panels have no covariate in common: workers cannot be drawn by it")
    here, there = (frame.group_by(known).agg((pl.len() / frame.height).alias("share")) for frame in (people, target))
    joined = people.select(known).join(here, on=known, how="left", nulls_equal=True, maintain_order="left")
    joined = joined.join(there, on=known, how="left", nulls_equal=True, maintain_order="left", suffix="_there")
    return joined.select(pl.col("share_there").fill_null(0.0) / pl.col("share")).to_series().to_numpy()


def draw_without_replacement(odds: NDArray[np.float64], count: int, *, seed: int) -> NDArray[np.intp]:
    """Rows drawn one after the other in proportion to what is left of `odds`, ascending; never one with odds of zero.

    By the logarithms of exponential waiting times, of which the first `count` come (Efraimidis and Spirakis 2006).
    Raises `PanelError` if so many cannot be drawn.
    """
    possible = int((odds > 0).sum())
    if possible < count:
        raise PanelError(f"{count} workers are to be drawn, but only {possible} can be: ask for a smaller share")
    with np.errstate(divide="ignore"):
        waits = np.log(np.random.default_rng(seed).exponential(size=len(odds))) - np.log(odds)
    return np.sort(np.argpartition(waits, count - 1)[:count])
