"""Events with two outcomes, and the probability that a forecast gives them: a change, a state, being right."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from laborllm.evaluation.arrays import Bools, Floats, Numbers
from laborllm.evaluation.metrics.top_k import Hit
from laborllm.evaluation.sample import Sample
from laborllm.evaluation.scores.blocks import Blocks
from laborllm.evaluation.scores.portions import Portion, Score
from laborllm.evaluation.scores.records import Records
from laborllm.panel.history import History
from laborllm.privacy import SMALLEST_CELL


class Event(Protocol):
    """Something that happens in a record or does not. name: in tables. label: in words."""

    @property
    def name(self) -> str:
        """What tables call it, lower case with underscores."""

    @property
    def label(self) -> str:
        """What it is called in words."""

    @property
    def probability(self) -> Score:
        """The score that is the probability that a forecast gives to the event."""

    @property
    def outcome(self) -> Score:
        """One where it happened, zero where not."""
        ...

    def domain(self, history: History) -> Bools:
        """The records in which it can happen, (n,)."""
        ...


@dataclass(frozen=True)
class Cases(Records):
    """Some n records in which an event can happen.

    Attributes:
        probability: That a model gives it, (n,).
        outcome: One where it happened, else zero, (n,).
    """

    probability: Numbers
    outcome: Numbers

    @property
    def happened(self) -> Bools:
        """Whether it did, (n,)."""
        return np.asarray(self.outcome > 0.5)

    def cell_by_cell(self) -> Iterator[tuple[int, int, Bools]]:
        """A partition, a cell of it that records are in, and which those are, (n,)."""
        for partition, cells in enumerate(self.cells):
            yield from ((partition, int(cell), cells == cell) for cell in np.unique(cells))


@dataclass(frozen=True)
class EventCases(Iterable[Cases]):
    """The records of a sample in which an event can happen, those of one block after the other.

    Attributes:
        event: What can happen.
        values: The probability that a model gives it and its outcome, block by block.
        sample: The records.
    """

    event: Event
    values: Sequence[Blocks[Numbers]]
    sample: Sample

    def __iter__(self) -> Iterator[Cases]:
        for block, probability, outcome in zip(self.sample.blocks, *self.values, strict=True):
            rows = np.flatnonzero(self.event.domain(block.history))
            yield Cases(**vars(block.records.at(rows)), probability=probability[rows], outcome=outcome[rows])

    def have_both_outcomes(self) -> Bools:
        """Whether enough workers have the event, and enough do not, in each cell, (c,)."""
        workers = np.zeros((2, self.sample.cells_in_all), dtype=np.int64)
        for cases in self:
            sides = cases.happened, ~cases.happened
            workers += [cases.at(side).workers_in(workers.shape[1]) for side in sides]
        return np.asarray(workers.min(axis=0) >= SMALLEST_CELL)


@dataclass(frozen=True)
class EventMetric:
    """What metrics of an event have in common: they compare its probability with its outcome, where it can happen."""

    event: Event

    @property
    def scores(self) -> tuple[Score, ...]:
        """The probability of the event, and its outcome."""
        return self.event.probability, self.event.outcome

    def domain(self, history: History) -> Bools:
        """The records in which the event can happen, (n,)."""
        return self.event.domain(history)


@dataclass(frozen=True)
class MoveProbability:
    """One minus the probability of the occupation before. Means nothing where a career begins."""

    whole: ClassVar[bool] = True

    def __call__(self, portion: Portion) -> Floats | None:
        if portion.forecast is None:
            return None
        previous = np.where(portion.has_past, portion.history.previous, 0)
        stay = portion.log_prob[np.arange(len(previous)), previous]
        return np.asarray(-np.expm1(np.minimum(stay, 0).astype(np.float64)))


@dataclass(frozen=True)
class Moved:
    """Whether the occupation is another than the one before."""

    whole: ClassVar[bool] = False

    def __call__(self, portion: Portion) -> Floats:
        return np.asarray(portion.history.occupation != portion.history.previous, dtype=np.float64)


@dataclass(frozen=True)
class StateLogProbability:
    """The log-probability of one column of the taxonomy."""

    column: int
    whole: ClassVar[bool] = True

    def __call__(self, portion: Portion) -> Floats | None:
        return None if portion.forecast is None else portion.log_prob[:, self.column]


@dataclass(frozen=True)
class InState:
    """Whether the record is of one column of the taxonomy."""

    column: int
    whole: ClassVar[bool] = False

    def __call__(self, portion: Portion) -> Floats:
        return np.asarray(portion.history.occupation == self.column, dtype=np.float64)


@dataclass(frozen=True)
class TopProbability:
    """The probability of the most probable occupation."""

    whole: ClassVar[bool] = True

    def __call__(self, portion: Portion) -> Floats | None:
        return None if portion.forecast is None else np.exp(portion.log_prob.max(axis=1).astype(np.float64))


@dataclass(frozen=True)
class Change:
    """A change of occupation, among records that have one before them."""

    name: ClassVar[str] = "change"
    label: ClassVar[str] = "change of occupation"
    probability: ClassVar[Score] = MoveProbability()
    outcome: ClassVar[Score] = Moved()

    def domain(self, history: History) -> Bools:
        """Every record but the first of a career, (n,)."""
        return ~history.is_first


@dataclass(frozen=True)
class State:
    """Being in a state, such as unemployed; with `entering`, among records whose occupation before is another."""

    code: str
    title: str
    column: int
    entering: bool = False

    @property
    def name(self) -> str:
        """What tables call it: the code of the state."""
        return f"entering_{self.code}" if self.entering else self.code

    @property
    def label(self) -> str:
        """What it is called in words: the title of the state."""
        title = self.title[:1].lower() + self.title[1:]
        return f"becoming {title}" if self.entering else title

    @property
    def probability(self) -> Score:
        """The score that is the probability of the state."""
        return StateLogProbability(self.column)

    @property
    def outcome(self) -> Score:
        """The score that is one in the state, else zero."""
        return InState(self.column)

    def domain(self, history: History) -> Bools:
        """Every record, or those whose occupation before is another one, (n,)."""
        everyone = np.ones(len(history.position), dtype=bool)
        return ~history.is_first & (history.previous != self.column) if self.entering else everyone


@dataclass(frozen=True)
class TopRight:
    """That the most probable occupation is the observed one."""

    name: ClassVar[str] = "top_1"
    label: ClassVar[str] = "most probable occupation"
    probability: ClassVar[Score] = TopProbability()
    outcome: ClassVar[Score] = Hit(1)

    def domain(self, history: History) -> Bools:
        """Every record, (n,)."""
        return np.ones(len(history.position), dtype=bool)
