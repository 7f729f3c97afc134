"""Metrics that are a mean over records, or its exponential."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from laborllm.evaluation.arrays import Bools, Numbers
from laborllm.evaluation.bootstrap import means
from laborllm.evaluation.metrics.metric import Comparison, Measured
from laborllm.evaluation.sample import Sample
from laborllm.evaluation.scores.blocks import Blocks
from laborllm.evaluation.scores.portions import Score
from laborllm.panel.history import History


@dataclass(frozen=True)
class Mean:
    """The weighted mean of a score over all records, or with `exponential` its exponential."""

    name: str
    label: str
    score: Score
    better: Literal["lower", "higher"] = "lower"
    exponential: bool = False

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """How two models are compared: by their difference, and perplexities by their ratio."""
        return ("difference", "ratio") if self.exponential else ("difference",)

    @property
    def scores(self) -> tuple[Score, ...]:
        """The score that is averaged."""
        return (self.score,)

    def domain(self, history: History) -> Bools:
        """Every record, (n,)."""
        return np.ones(len(history.position), dtype=bool)

    def measure(self, values: Sequence[Blocks[Numbers]], sample: Sample) -> Measured:
        """The weighted mean in each cell, or its exponential.

        Args:
            values: The score of each record, block by block, as one item.
            sample: The records, their cells and their draws.

        Returns:
            Estimates and draws, (c,), and where they are defined.
        """
        parts = ((block.records, score[None]) for block, score in zip(sample.blocks, values[0], strict=True))
        found = means(sample.draws, parts, sample.cells_in_all)[0]
        return Measured(found.exp() if self.exponential else found, np.ones(found.estimate.shape, dtype=bool))
