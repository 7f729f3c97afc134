"""A way of scoring, as it is measured: counted once, then timed as often as wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from transformers import PreTrainedModel

from benchmarks.counting import Count, counted
from benchmarks.machine import clock
from benchmarks.scoring_task import Floats


@dataclass(frozen=True)
class TimedRun:
    """log_prob: the first columns of the titles compared, (T, up to k) nats. seconds: what they took."""

    log_prob: Floats
    seconds: float


class ScoringMethod(Protocol):
    """titles: how many it scores of each record. worth: how many records its work is worth, each with all titles, or
    with the observed one only for what reads no other."""

    @property
    def name(self) -> str: ...

    @property
    def titles(self) -> int: ...

    @property
    def worth(self) -> float: ...

    @property
    def is_another_model(self) -> bool:
        """Whether its numbers are not those that the others read."""
        ...

    def count(self) -> Count:
        """Score once, counting and not timed: the first time is slower than those after it."""
        ...

    def run(self) -> TimedRun:
        """Score once, timed."""
        ...


@dataclass(frozen=True)
class InProcess:
    """A way that runs here: `score` gives the log-probabilities, with `model`."""

    name: str
    titles: int
    worth: float
    model: PreTrainedModel
    score: Callable[[], Floats]
    is_another_model: bool = False

    def count(self) -> Count:
        return counted(self.model, self.score)

    def run(self) -> TimedRun:
        start = clock()
        log_prob = self.score()
        return TimedRun(log_prob, clock() - start)
