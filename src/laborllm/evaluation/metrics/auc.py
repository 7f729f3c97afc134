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
        positive, negative = among & happened, among & ~happened
        defined = sample.enough_in(positive) & sample.enough_in(negative)
        above = _mean_placement(probability, positive, negative, defined, sample)
        below = _mean_placement(-probability, negative, positive, defined, sample)
        draws = above.resampled + below.resampled - above.estimate
        return Measured(Bootstrapped(above.estimate, draws), np.broadcast_to(defined, above.estimate.shape))


def _mean_placement(score: Numbers, side: Bools, other: Bools, defined: Bools, sample: Sample) -> Bootstrapped:
    """The mean of the placements of the records of one side among those of the other in each cell, (m, c)."""
    bootstrap, weight = sample.bootstrap, sample.design.weight
    over = np.zeros((bootstrap.clusters, score.shape[1], len(defined)))
    under = np.zeros((bootstrap.clusters, 1, len(defined)))
    for at, cell in enumerate(sample.members()):
        if not defined[at]:
            continue
        own, others = np.flatnonzero(side & cell), np.flatnonzero(other & cell)
        under[:, 0, at] = bootstrap.sums_of(own)
        for model, scores in enumerate(score.T):
            over[:, model, at] = bootstrap.sums_of(own, placements(scores[own], scores[others], weight[others]))
    return bootstrap.ratio(over, under)


def placements(score: Floats, others: Floats, weight: Floats | None = None) -> Numbers:
    """The weighted share of records of the other side that have a lower score, for each record of one side.

    Their mean is the area under the ROC curve.

    Args:
        score: Higher where the event is more probable, (n,). A tie counts half.
        others: The scores of the other side, (k,).
        weight: Of each record of the other side, (k,); default: one.

    Returns:
        (n,), from 0 to 1; not a number where the other side has no weight.
    """
    order = np.argsort(others, kind="stable")
    ordered = others[order]
    below = np.concatenate([[0.0], np.cumsum(np.ones(len(others)) if weight is None else weight[order])])
    twice = below[np.searchsorted(ordered, score, "left")] + below[np.searchsorted(ordered, score, "right")]
    return np.asarray(twice / (2 * below[-1])) if below[-1] else np.full(len(score), np.nan)
