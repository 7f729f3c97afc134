"""What pruning saves and what it costs: nodes, speed and error by tolerance; the exact tree runs in turn."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.machine import clock
from laborllm.errors import PanelError
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.lm.scoring.scorer import Scorer
from laborllm.lm.scoring.title_scores import TitleScores
from laborllm.lm.tokens.encoding import EncodedCareer
from laborllm.progress import progress

CAREERS = 4  # scored at a time
TOLERANCES = (0.05, 0.02, 0.01, 1e-3, 1e-4)


def measure_pruning(
    scorer: Scorer, careers: Sequence[EncodedCareer], tolerances: Sequence[float] = TOLERANCES, *, memory: float
) -> pl.DataFrame:
    """Score every title of the careers exactly and at each tolerance. All take turns on a few careers at a time, so
    that what else the machine does weighs on all alike.

    Columns: scoring, tolerance (zero: `tree`), nodes (of the trie, run per record), records_per_second, speed (over
    that of `tree`), mean_bound and largest_bound (certified total variation), mean_error and largest_error (the total
    variation from `tree`). Raises `PanelError` if there are no careers.
    """
    if not careers:
        raise PanelError("there are no careers to score: take a split that has workers")
    methods = [ScoringOptions("tree", 0.0, memory), *(ScoringOptions("pruned", each, memory) for each in tolerances)]
    list(scorer.score(careers[:1], methods[-1]))  # the first pass of a process is slower than those after it
    found: dict[ScoringOptions, list[Measured]] = {method: [] for method in methods}
    with progress("score titles", len(methods) * len(careers), "careers") as advance:
        for start in range(0, len(careers), CAREERS):
            some = careers[start : start + CAREERS]
            for method in methods:
                found[method].append(_measure(scorer, some, method))
                advance(len(some))
    measured = {method: Measured.join(parts) for method, parts in found.items()}
    return pl.DataFrame([_row(method, each, measured[methods[0]]) for method, each in measured.items()])


@dataclass(frozen=True)
class Measured:
    """scores: of n records. nodes: of the trie that were run for them together."""

    scores: TitleScores
    nodes: int
    seconds: float

    @classmethod
    def join(cls, parts: Sequence["Measured"]) -> "Measured":
        scores = TitleScores.join(part.scores for part in parts)
        return cls(scores, sum(part.nodes for part in parts), sum(part.seconds for part in parts))

    @property
    def records(self) -> int:
        return len(self.scores.log_prob)


def _measure(scorer: Scorer, careers: Sequence[EncodedCareer], method: ScoringOptions) -> Measured:
    with _tokens_run(scorer.model.base.model) as tokens:
        start = clock()
        scores = TitleScores.join(scorer.score(careers, method))
        seconds = clock() - start
    return Measured(scores, sum(tokens) - sum(len(career.tokens) for career in careers), seconds)


@contextmanager
def _tokens_run(model: nn.Module) -> Iterator[list[int]]:
    """A list that grows by the number of tokens of each pass of the model."""
    tokens: list[int] = []

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        tokens.append(inputs[0].numel())

    hook = model.get_input_embeddings().register_forward_hook(count)  # type: ignore[operator]
    try:
        yield tokens
    finally:
        hook.remove()


def _row(method: ScoringOptions, measured: Measured, exact: Measured) -> dict[str, str | float]:
    bound, error = measured.scores.error_bound, _total_variation(measured.scores, exact.scores)
    return {
        "scoring": method.method,
        "tolerance": method.tolerance,
        "nodes": measured.nodes / measured.records,
        "records_per_second": measured.records / measured.seconds,
        "speed": exact.seconds / measured.seconds,
        "mean_bound": float(bound.mean()),
        "largest_bound": float(bound.max()),
        "mean_error": float(error.mean()),
        "largest_error": float(error.max()),
    }


def _total_variation(one: TitleScores, other: TitleScores) -> NDArray[np.float64]:
    """(n,) between the forecasts, normalised over titles."""
    first, second = (np.exp(scores.log_prob) for scores in (one, other))
    difference = first / first.sum(axis=1, keepdims=True) - second / second.sum(axis=1, keepdims=True)
    return np.asarray(np.abs(difference).sum(axis=1) / 2)
