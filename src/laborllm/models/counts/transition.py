"""Transition frequencies: what the last occupation alone tells about the next.

Plain: P(k | j) = (n_jk + c m_k) / (n_j + c), counts shrunk toward the marginal m. Two-part: whether a worker stays is
modelled apart, s_j = (n_jj + a s) / (n_j + a), with s the stay rate of all; a mover from j goes to k != j with the
shrunken move frequencies (n_jk + b m_k) / (n_j. + b), m now the marginal of moves without j. A first record has the
frequencies of first records, shrunk to the marginal. Each strength of shrinking is chosen on the validation split.
Second-order: two-part, then refined by the occupation before the last one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from laborllm.errors import OptionError, RunError
from laborllm.models.contract import Floats, Forecast
from laborllm.models.counts.second_order import SecondOrder, Steps
from laborllm.models.counts.shrinkage import best_strength, shrink
from laborllm.models.run_folder import Trained, new_run, read_run, restored
from laborllm.panel import Panel
from laborllm.panel.history import History

if TYPE_CHECKING:
    from laborllm.models.counts.paths import TransitionPaths

Variant = Literal["two-part", "plain", "second-order"]

FLOOR = 0.5  # records added to every occupation of the marginal, so that nothing is impossible


@dataclass
class Transition:
    """The table of next-occupation probabilities, (J, J), the distribution of first records, (J,), and what a
    second-order model knows beyond them."""

    name: ClassVar[str] = "transition"

    variant: Variant = "two-part"
    table: Floats = field(default_factory=lambda: np.empty((0, 0)), repr=False)
    first: Floats = field(default_factory=lambda: np.empty(0), repr=False)
    second: SecondOrder | None = field(default=None, repr=False)
    trained: Trained | None = None

    def __post_init__(self) -> None:
        if self.variant not in get_args(Variant):
            raise OptionError(f"unknown variant {self.variant!r}: use {', '.join(get_args(Variant))}")

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> Self:
        """Count on split train, choose the shrinking on split valid."""
        train = panel.subset("train").observed()
        classes = len(panel.taxonomy)
        seen, valid = History.of(train), History.of(panel.subset("valid").observed())
        counts = _counts(seen, classes)
        marginal = _normalise(np.bincount(seen.occupation, minlength=classes) + FLOOR)
        first = np.bincount(seen.occupation[seen.is_first], minlength=classes).astype(float)
        starts = valid.occupation[valid.is_first]
        self.first = _best(lambda c: shrink(first, first.sum(), marginal, c), lambda p: p[starts])
        before, after = valid.previous[~valid.is_first], valid.occupation[~valid.is_first]
        build = self._plain if self.variant == "plain" else self._two_part
        self.table = build(counts, marginal, before, after)
        if self.variant == "second-order":
            self.second = SecondOrder.fit(_later_steps(seen), _later_steps(valid), self.table)
        self.trained = Trained.on(panel, train, seed=seed)
        return self

    def forecast(self, panel: Panel) -> Forecast:
        trained = self._require_fitted()
        trained.require_same_taxonomy(panel)
        history = History.of(panel)
        return Forecast(
            records=panel.records.select("worker", "year", "occupation"),
            taxonomy=panel.taxonomy,
            log_prob=np.log(self.probability(history.before_previous, history.previous)).astype(np.float32),
            raw_mass=np.ones(len(panel)),
            method="transition frequencies",
        )

    def probability(self, before: NDArray[np.intp], previous: NDArray[np.intp]) -> Floats:
        """The distribution of n records, (n, J), from the columns of the two occupations before each, (n,); J where
        there is none."""
        found: Floats = np.vstack([self.table, self.first])[previous]
        if self.second is not None:
            later = previous < len(self.table)
            found[later] = self.second.refine(found[later], before[later], previous[later])
        return found

    def paths(self, panel: Panel, draws: int) -> "TransitionPaths":
        """Paths that look their next distribution up (see `models.paths`)."""
        from laborllm.models.counts.paths import TransitionPaths  # brings torch, which counting does not need

        self._require_fitted().require_same_taxonomy(panel)
        observed = panel.records.group_by("worker", maintain_order=True).agg(pl.col("occupation").drop_nulls())
        last = observed["occupation"].list
        before, previous = (panel.taxonomy.columns(last.get(at, null_on_oob=True)) for at in (-2, -1))
        return TransitionPaths(self.probability, before, previous)

    def log_likelihood(self, panel: Panel) -> Floats:
        return self.forecast(panel).log_likelihood

    def save(self, path: Path) -> None:
        with new_run(path, self.name, {"variant": self.variant}, self._require_fitted()) as folder:
            second = {} if self.second is None else vars(self.second)
            save_file({"table": self.table, "first": self.first} | second, folder / "weights.safetensors")

    @classmethod
    def load(cls, path: Path) -> Self:
        _, options, trained = read_run(path)
        weights = load_file(path / "weights.safetensors")
        table, first = weights.pop("table"), weights.pop("first")
        second = SecondOrder(**weights) if weights else None
        fitted = {"table": table, "first": first, "second": second, "trained": trained}
        return restored(cls, options | fitted, path)

    @staticmethod
    def _plain(counts: Floats, marginal: Floats, before: NDArray[np.intp], after: NDArray[np.intp]) -> Floats:
        total = counts.sum(axis=1, keepdims=True)
        return _best(lambda c: shrink(counts, total, marginal, c), lambda p: p[before, after])

    @staticmethod
    def _two_part(counts: Floats, marginal: Floats, before: NDArray[np.intp], after: NDArray[np.intp]) -> Floats:
        total, stays = counts.sum(axis=1), counts.diagonal()
        overall = stays.sum() / max(total.sum(), 1)
        moves = counts - np.diag(stays)
        destination = _normalise(moves.sum(axis=0) + FLOOR)
        destinations = _normalise(np.where(np.eye(len(counts)) > 0, 0, destination))  # (J, J), never j itself
        moved, left = before != after, (total - stays)[:, None]
        stay = _best(lambda a: shrink(stays, total, overall, a), lambda s: np.where(moved, 1 - s[before], s[before]))
        move = _best(lambda b: shrink(moves, left, destinations, b), lambda p: p[before[moved], after[moved]])
        return (1 - stay)[:, None] * move + np.diag(stay)

    def _require_fitted(self) -> Trained:
        if self.trained is None:
            raise RunError("the transition model is not fitted: call fit, or load a run folder")
        return self.trained


def _counts(history: History, classes: int) -> Floats:
    """How often each occupation followed each, (J, J)."""
    later = ~history.is_first
    flat = np.bincount(history.previous[later] * classes + history.occupation[later], minlength=classes**2)
    return flat.reshape(classes, classes).astype(float)


def _later_steps(history: History) -> Steps:
    """All records but the first of each career."""
    later = ~history.is_first
    return Steps(history.before_previous[later], history.previous[later], history.occupation[later])


def _best(build: Callable[[float], Floats], of_validation: Callable[[Floats], Floats]) -> Floats:
    """The estimate whose strength gives the validation records the highest likelihood."""
    return build(best_strength(lambda strength: of_validation(build(strength))))


def _normalise(values: Floats) -> Floats:
    return np.asarray(values / values.sum(axis=-1, keepdims=True))
