"""Area under the ROC curve, exact with ties, with an uncertainty clustered as the sample is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from laborllm.evaluation.arrays import Bools, Floats, Numbers
from laborllm.evaluation.bootstrap import Bootstrapped
from laborllm.evaluation.metrics.events import EventMetric
from laborllm.evaluation.metrics.metric import Comparison, Measured
from laborllm.evaluation.sample import Sample


@dataclass(frozen=True)
class Auc(EventMetric):
    """The chance that a record where an event happened had the higher probability of it than one where it did not."""

    better: ClassVar[Literal["higher"]] = "higher"
    comparisons: ClassVar[tuple[Comparison, ...]] = ("difference",)

    @property
    def name(self) -> str:
        """What tables call it, such as auc_change."""
        return f"auc_{self.event.name}"

    @property
    def label(self) -> str:
        """What it is called in words."""
        return f"AUC: {self.event.label}"

    def measure(self, values: Sequence[Numbers], sample: Sample) -> Measured:
        """The area in each cell, with draws that are linear in the placements.

        The mean over records where the event happened and the mean over the others vary, each around the area
        (Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data").

        Args:
            values: The probability of the event and its outcome, (n, m) each.
            sample: The n records, their cells and their draws.

        Returns:
            Estimates and draws, (m, c), and where they are defined.
        """
        probability, outcome = values
        among, happened = self.domain(sample.history), outcome[:, 0] > 0.5
        sides = [among & happened, among & ~happened]
        defined = np.logical_and(*(sample.enough_in(side) for side in sides))
        over = np.zeros((sample.bootstrap.clusters, probability.shape[1], 2, len(defined)))
        under = np.zeros((sample.bootstrap.clusters, 1, 2, len(defined)))
        for at in np.flatnonzero(defined):
            over[..., at], under[..., at] = _side_sums(probability, sides, sample.members[:, at], sample)
        means = sample.bootstrap.ratio(over, under)
        area = means.estimate[:, 0]
        draws = means.resampled.sum(axis=2) - area
        return Measured(Bootstrapped(area, draws), np.broadcast_to(defined, area.shape))


def _side_sums(probability: Numbers, sides: Sequence[Bools], cell: Bools, sample: Sample) -> tuple[Numbers, Numbers]:
    """Sums in each cluster of placements, for each model and side (clusters, m, 2), and of weights (clusters, 1, 2)."""
    positive, negative = (side & cell for side in sides)
    inside = np.flatnonzero(positive | negative)
    share = np.zeros(probability.shape)
    for model, score in enumerate(probability.T):
        share[inside, model] = placements(score[inside], positive[inside], sample.design.weight[inside])
    sums, ones = sample.bootstrap.sums, np.ones((len(cell), 1))
    over, under = ([sums(values, side) for side in (positive, negative)] for values in (share, ones))
    return np.stack(over, axis=2), np.stack(under, axis=2)


def placements(score: Floats, positive: Bools, weight: Floats | None = None) -> Numbers:
    """The weighted share of records of the other side that a score orders rightly against each record.

    Their mean over positives, and over negatives, is the area under the ROC curve.

    Args:
        score: Higher where the event is more probable, (n,). A tie counts half.
        positive: Whether the event happened, (n,).
        weight: Of each record, (n,); default: one.

    Returns:
        (n,), from 0 to 1; not a number where one side has no weight.
    """
    weight = np.ones(len(score)) if weight is None else weight
    share = np.full(len(score), np.nan)
    if weight[positive].any() and weight[~positive].any():
        share[positive] = _share_below(score[positive], score[~positive], weight[~positive])
        share[~positive] = 1 - _share_below(score[~positive], score[positive], weight[positive])
    return share


def _share_below(values: Floats, others: Floats, weight: Floats) -> Numbers:
    """The weighted share of `others` below each value, ties counting one half."""
    order = np.argsort(others, kind="stable")
    ordered, below = others[order], np.concatenate([[0.0], np.cumsum(weight[order])])
    left, right = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return np.asarray((below[left] + below[right]) / (2 * below[-1]))
