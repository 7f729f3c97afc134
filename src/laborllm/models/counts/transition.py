"""Transition frequencies: what only the last occupation says about the next.

Plain: P(k | j) = (n_jk + c m_k) / (n_j + c), counts shrunk toward the marginal m. Two-part: whether a worker stays is
modelled apart, s_j = (n_jj + a s) / (n_j + a), with s the stay rate of all; a mover from j goes to k != j with the
shrunken move frequencies (n_jk + b m_k) / (n_j. + b), m now the marginal of moves without j. A first record has the
frequencies of first records, shrunk to the marginal. Each strength of shrinking is chosen on the validation split.
Second-order: two-part, then refined by the occupation before the last one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from laborllm.errors import RunError
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.counts.counted import FLOOR, Counted, later_steps
from laborllm.models.counts.second_order import SecondOrder
from laborllm.models.counts.shrinkage import best_strength, shrink
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.runs.finite import require_finite
from laborllm.models.runs.options import to_options
from laborllm.models.runs.run_folder import FitRecord, Run, new_run
from laborllm.panel import Panel
from laborllm.panel.history import History
from laborllm.panel.order import worker_index
from laborllm.privacy.outputs import Output

if TYPE_CHECKING:
    from laborllm.models.counts.paths import TransitionPaths
    from laborllm.models.counts.specs import Transition

WEIGHTS = "weights.safetensors"
ROWS_OF_FEW = "cells of the tables rest on fewer than ten workers; fit it thinned to publish it"
THINNED = "no cell rests on fewer than ten workers"


@dataclass(frozen=True, eq=False)
class FittedTransition:
    """Transition frequencies of a panel.

    Attributes:
        spec: What was fitted.
        record: What it was fitted on.
        table: (J, J) probabilities of the next occupation, a row per last one.
        first: (J,) probabilities of first records.
        second: What a second-order model knows beyond them.
    """

    spec: "Transition"
    record: FitRecord
    table: Floats
    first: Floats
    second: SecondOrder | None = None

    @property
    def metrics(self) -> dict[str, float]:
        """Empty: counting has no figures of its own."""
        return {}

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        """Look up the distribution that follows the last occupations of each record.

        Args:
            panel: n records, open ones included.
            scoring: Not used: no titles are scored.
        """
        panel = self.record.over(panel)
        history = History.of(panel)
        return Forecast(
            records=panel.records.select("worker", "year", "occupation"),
            taxonomy=panel.taxonomy,
            log_prob=np.log(self.probability(history.before_previous, history.previous)).astype(np.float32),
            raw_mass=np.ones(len(panel)),
            method="transition frequencies",
            lineage=self.record.lineage,
        )

    def probability(self, before: NDArray[np.intp], previous: NDArray[np.intp]) -> Floats:
        """The distribution of n records.

        Args:
            before: The column of the occupation before the last one, (n,); J where there is none.
            previous: The column of the last one, (n,); J where there is none.

        Returns:
            (n, J), rows that sum to one.
        """
        found: Floats = np.vstack([self.table, self.first])[previous]
        if self.second is not None:
            later = previous < len(self.table)
            found[later] = self.second.refine(found[later], before[later], previous[later])
        return found

    def paths(self, panel: Panel, draws: int) -> "TransitionPaths":
        """Paths that look their next distribution up (see `models.paths`).

        Args:
            panel: Careers whose last records are open.
            draws: Paths of each worker.

        Returns:
            The paths, before their first step.
        """
        from laborllm.models.counts.paths import TransitionPaths  # brings torch, which counting does not need

        panel = self.record.over(panel)
        observed = panel.records.group_by("worker", maintain_order=True).agg(pl.col("occupation").drop_nulls())
        last = observed["occupation"].list
        before, previous = (panel.taxonomy.columns(last.get(at, null_on_oob=True)) for at in (-2, -1))
        return TransitionPaths(self.probability, before, previous)

    def occupation_vectors(self) -> Floats:
        """Roots of the probabilities of what follows each occupation, (J, J): the distance is Hellinger's."""
        return np.asarray(np.sqrt(self.table))

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        """Log-probability of the observed occupations, (m,) nats, by `forecast`.

        Args:
            panel: Records, m of them observed.
            scoring: Not used: no titles are scored.
        """
        return self.forecast(panel).log_likelihood

    def save(self, path: str | Path) -> None:
        """Write the run folder: the tables, and the triples of a second-order model."""
        tables = Output(
            "tables", refused="" if self.spec.thinned else ROWS_OF_FEW, said=THINNED if self.spec.thinned else ""
        )
        with new_run(path, self.spec.name, to_options(self.spec), self.record, self.metrics, tables) as folder:
            second = {} if self.second is None else vars(self.second)
            save_file({"table": self.table, "first": self.first} | second, folder / WEIGHTS)

    @classmethod
    def load(cls, run: Run, spec: "Transition") -> Self:
        """Read the tables of a run folder.

        Args:
            run: The run folder.
            spec: What was fitted.

        Raises:
            RunError: They do not fit its taxonomy.
        """
        weights = load_file(run.path / WEIGHTS)
        require_finite(run.path / WEIGHTS, weights, whole=["triple"])
        table, first = weights.pop("table"), weights.pop("first")
        occupations = len(run.record.taxonomy)
        if table.shape != (occupations, occupations) or first.shape != (occupations,):
            raise RunError(f"{run.path} holds tables of {table.shape} and {first.shape} for {occupations} occupations")
        if not (_are_distributions(table) and _are_distributions(first)):
            raise RunError(f"{run.path / WEIGHTS} holds tables whose rows are no probabilities")
        second = SecondOrder(**weights) if weights or spec.variant == "second-order" else None
        if second is not None and not (spec.variant == "second-order" and second.fits(occupations)):
            raise RunError(f"{run.path} holds counts of triples that no fit of {spec.variant} has")
        return cls(spec, run.record, table, first, second)


def _are_distributions(rows: Floats) -> bool:
    return bool(np.all(rows >= 0) and np.allclose(rows.sum(axis=-1, dtype=np.float64), 1))


def fit_transition(spec: "Transition", panel: Panel, *, seed: int) -> FittedTransition:
    """Count on split train, choose the shrinking on split valid.

    Args:
        spec: Which variant.
        panel: The careers.
        seed: Written into the record; nothing is random.

    Returns:
        The fitted model.
    """
    train = panel.subset("train").observed()
    record = FitRecord.on(panel, train, seed=seed)
    seen, valid = History.of(train), History.of(panel.subset("valid").observed())
    occupations = len(panel.taxonomy)
    worker = worker_index(train.records)
    counted = Counted.thinned(seen, worker, occupations) if spec.thinned else Counted.exactly(seen, occupations)
    marginal = _normalise(counted.occupations + FLOOR)
    starting, valid_starts = counted.first, valid.occupation[valid.is_first]
    first = _best(lambda c: shrink(starting, starting.sum(), marginal, c), lambda p: p[valid_starts])
    before, after = valid.previous[~valid.is_first], valid.occupation[~valid.is_first]
    is_plain = spec.variant == "plain"
    table = _plain(counted.pairs, marginal, before, after) if is_plain else _two_part(counted.pairs, before, after)
    if spec.variant != "second-order":
        return FittedTransition(spec, record, table, first)
    second = SecondOrder.fit(counted.steps, later_steps(valid), table)
    return FittedTransition(spec, record, table, first, second)


def _plain(counts: Floats, marginal: Floats, before: NDArray[np.intp], after: NDArray[np.intp]) -> Floats:
    total = counts.sum(axis=1, keepdims=True)
    return _best(lambda c: shrink(counts, total, marginal, c), lambda p: p[before, after])


def _two_part(counts: Floats, before: NDArray[np.intp], after: NDArray[np.intp]) -> Floats:
    total, stays = counts.sum(axis=1), counts.diagonal()
    records = max(total.sum(), 1)
    overall = np.clip(stays.sum(), FLOOR, records - FLOOR) / records  # neither staying nor moving is impossible
    moves = counts - np.diag(stays)
    destination = _normalise(moves.sum(axis=0) + FLOOR)
    destinations = _normalise(np.where(np.eye(len(counts)) > 0, 0, destination))  # (J, J), never j itself
    moved, left = before != after, (total - stays)[:, None]
    stay = _best(lambda a: shrink(stays, total, overall, a), lambda s: np.where(moved, 1 - s[before], s[before]))
    move = _best(lambda b: shrink(moves, left, destinations, b), lambda p: p[before[moved], after[moved]])
    return (1 - stay)[:, None] * move + np.diag(stay)


def _best(build: Callable[[float], Floats], of_validation: Callable[[Floats], Floats]) -> Floats:
    """The estimate whose strength gives the validation records the highest likelihood."""
    return build(best_strength(lambda strength: of_validation(build(strength))))


def _normalise(values: Floats) -> Floats:
    return np.asarray(values / values.sum(axis=-1, keepdims=True))
