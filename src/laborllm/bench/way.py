"""A way of scoring, as it is measured: counted once, then timed as often as wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from transformers import PreTrainedModel

from laborllm.bench.counting import Count, counted
from laborllm.bench.machine import clock
from laborllm.bench.sample import Floats


@dataclass(frozen=True)
class Run:
    """log_prob: the first columns of the titles compared, (T, up to k) nats. seconds: what they took."""

    log_prob: Floats
    seconds: float


class Way(Protocol):
    """titles: how many it scores of each record. worth: how many records its work is worth, each with all titles, or
    with the observed one for what reads that alone."""

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

    def run(self) -> Run:
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

    def run(self) -> Run:
        start = clock()
        log_prob = self.score()
        return Run(log_prob, clock() - start)
