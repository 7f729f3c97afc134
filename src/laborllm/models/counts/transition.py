"""Transition frequencies: what the last occupation alone tells about the next.

Plain: P(k | j) = (n_jk + c m_k) / (n_j + c), counts shrunk toward the marginal m. Two-part: whether a worker stays is
modelled apart, s_j = (n_jj + a s) / (n_j + a), with s the stay rate of all; a mover from j goes to k != j with the
shrunken move frequencies (n_jk + b m_k) / (n_j. + b), m now the marginal of moves without j. A first record has the
frequencies of first records, shrunk to the marginal. Each strength of shrinking is chosen on the validation split.
Second-order: two-part, then refined by the entry before the last one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from laborllm.errors import ModelError
from laborllm.models.contract import Floats, Forecast
from laborllm.models.counts.second_order import SecondOrder, Steps
from laborllm.models.counts.shrinkage import best_strength, shrink
from laborllm.models.run_folder import Trained, new_run, read_run, restored
from laborllm.panel import Panel
from laborllm.panel.order import first_records, record_before

Variant = Literal["two-part", "plain", "second-order"]

FLOOR = 0.5  # records added to every entry of the marginal, so that nothing is impossible
FIRST = -1  # the previous entry of a first record


@dataclass
class Transition:
    """The table of next-entry probabilities, (J, J), the distribution of first records, (J,), and what a second-order
    model knows beyond them."""

    name: ClassVar[str] = "transition"

    variant: Variant = "two-part"
    table: Floats = field(default_factory=lambda: np.empty((0, 0)), repr=False)
    first: Floats = field(default_factory=lambda: np.empty(0), repr=False)
    second: SecondOrder | None = field(default=None, repr=False)
    trained: Trained | None = None

    def __post_init__(self) -> None:
        if self.variant not in get_args(Variant):
            raise ModelError(f"unknown variant {self.variant!r}: use {', '.join(get_args(Variant))}")

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> Self:
        """Count on split train, choose the shrinking on split valid."""
        train, valid = panel.subset("train"), panel.subset("valid")
        entries = len(panel.taxonomy)
        previous, current = previous_and_current(train)
        counts = _counts(previous, current, entries)
        marginal = _normalise(np.bincount(current, minlength=entries) + FLOOR)
        first = np.bincount(current[previous == FIRST], minlength=entries).astype(float)
        before, after = previous_and_current(valid)
        starts = after[before == FIRST]
        self.first = _best(lambda c: shrink(first, first.sum(), marginal, c), lambda p: p[starts])
        before, after = before[before != FIRST], after[before != FIRST]
        build = self._plain if self.variant == "plain" else self._two_part
        self.table = build(counts, marginal, before, after)
        if self.variant == "second-order":
            self.second = SecondOrder.fit(_later_steps(train), _later_steps(valid), self.table)
        self.trained = Trained.on(panel, train, seed=seed)
        return self

    def forecast(self, panel: Panel) -> Forecast:
        trained = self._require_fitted()
        trained.require_same_taxonomy(panel)
        previous, _ = previous_and_current(panel)
        probability = self.table[previous]
        if self.second is not None:
            probability = self.second.refine(probability, _before(previous), previous)
        probability[previous == FIRST] = self.first
        return Forecast(
            records=panel.records.select("worker", "year", "occupation"),
            taxonomy=panel.taxonomy,
            log_prob=np.log(probability).astype(np.float32),
            raw_mass=np.ones(len(panel)),
            method="transition frequencies",
        )

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
            raise ModelError("the transition model is not fitted: call fit, or load a run folder")
        return self.trained


def previous_and_current(panel: Panel) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Columns of the entry before and of each record, (n,) each; the entry before a first record is `FIRST`."""
    current = panel.taxonomy.columns(panel.records["occupation"])
    return np.where(first_records(panel.records), FIRST, record_before(current)), current


def _counts(previous: NDArray[np.intp], current: NDArray[np.intp], entries: int) -> Floats:
    inner = previous != FIRST
    flat = np.bincount(previous[inner] * entries + current[inner], minlength=entries**2)
    return flat.reshape(entries, entries).astype(float)


def _before(previous: NDArray[np.intp]) -> NDArray[np.intp]:
    """Columns of the entry before the previous one, (n,); `FIRST` where there is none."""
    return np.where(previous == FIRST, FIRST, record_before(previous))


def _later_steps(panel: Panel) -> Steps:
    """All records but the first of each career."""
    previous, current = previous_and_current(panel)
    later = previous != FIRST
    return Steps(_before(previous)[later], previous[later], current[later])


def _best(build: Callable[[float], Floats], of_validation: Callable[[Floats], Floats]) -> Floats:
    """The estimate whose strength gives the validation records the highest likelihood."""
    return build(best_strength(lambda strength: of_validation(build(strength))))


def _normalise(values: Floats) -> Floats:
    return np.asarray(values / values.sum(axis=-1, keepdims=True))
