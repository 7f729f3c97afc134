"""Calibration without bins: Kuiper's statistic of cumulative differences, and its p-value.

Records are put in order of the probability given to an event, and the differences between what happened and that
probability are added up. The range of the running sum, per record, is ECCE-R of Arrieta-Ibarra et al. (2022, JMLR 23;
see also arXiv 2506.11251): the largest share by which any stretch of probabilities is off. Where forecasts are
calibrated given each worker's past, the differences are uncorrelated, also within a career, and the range over the
standard deviation of the sum has the distribution of the range of Brownian motion (Feller 1951).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc
from typing import ClassVar, Literal

import numpy as np

from laborllm.evaluation.arrays import Floats, Numbers
from laborllm.evaluation.bootstrap import Bootstrapped
from laborllm.evaluation.metrics.events import EventMetric
from laborllm.evaluation.metrics.metric import Comparison, Measured
from laborllm.evaluation.sample import Sample

CERTAIN = 0.4  # the range below which its p-value is one to ten digits
TERMS = 60


@dataclass(frozen=True)
class Kuiper(EventMetric):
    """The range of cumulative differences of an event, or with `p_value` the chance of one as large were the forecasts
    calibrated. It has no interval: its distribution is known where forecasts are calibrated, and only there."""

    p_value: bool = False
    comparisons: ClassVar[tuple[Comparison, ...]] = ()

    @property
    def name(self) -> str:
        """What tables call it, such as kuiper_change."""
        return f"kuiper_p_{self.event.name}" if self.p_value else f"kuiper_{self.event.name}"

    @property
    def label(self) -> str:
        """What it is called in words."""
        return f"{'p-value of calibration' if self.p_value else 'Kuiper calibration error'}: {self.event.label}"

    @property
    def better(self) -> Literal["lower", "higher"]:
        """Which values are better: lower errors, higher p-values."""
        return "higher" if self.p_value else "lower"

    def measure(self, values: Sequence[Numbers], sample: Sample) -> Measured:
        """The range, or its p-value, in each cell with enough workers on both sides of the event; without draws.

        Args:
            values: The probability of the event and its outcome, (n, m) each.
            sample: The n records, their cells and their draws.

        Returns:
            Estimates, (m, c), and where they are defined.
        """
        probability, outcome = values
        among = self.domain(sample.history)
        shape = (probability.shape[1], len(sample.cells))
        estimate, defined = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
        for cell, members in enumerate(sample.members()):
            inside = among & members
            for model in np.flatnonzero([sample.has_both_outcomes(inside, each) for each in outcome.T]):
                error, scale = cumulative_range(
                    probability[inside, model], outcome[inside, model], sample.design.weight[inside]
                )
                estimate[model, cell] = range_p_value(error, scale) if self.p_value else error
                defined[model, cell] = True
        return Measured(Bootstrapped(estimate, np.full((1, *shape), np.nan)), defined)


def cumulative_range(probability: Numbers, outcome: Numbers, weight: Numbers) -> tuple[float, float]:
    """Kuiper's statistic: the range of the cumulative differences between outcome and probability, zero included.

    Records of equal probability are added at once, as they have no order.

    Args:
        probability: Of the event, (n,).
        outcome: Whether it happened, 0 or 1, (n,).
        weight: Of each record, (n,).

    Returns:
        The range as a share of all weight, and the standard deviation of the whole sum under calibration.
    """
    if not weight.any():
        return float("nan"), float("nan")
    order = np.argsort(probability, kind="stable")
    predicted, share = probability[order], weight[order] / weight.sum()
    last = np.append(np.diff(predicted) > 0, True)
    running = np.cumsum(share * (outcome[order] - predicted))[last]
    spread = np.sqrt(np.sum(share**2 * predicted * (1 - predicted)))
    return float(max(running.max(), 0) - min(running.min(), 0)), float(spread)


def range_p_value(error: float, scale: float = 1.0) -> float:
    """The chance that the range of a Brownian motion on [0, 1] is `error` / `scale` or more; none for a scale of zero.

    8 times the alternating sum over k of k P(Z > k value), for a standard normal Z (Feller 1951, equation 3.6
    integrated).
    """
    if not scale > 0:
        return float("nan")
    value = error / scale
    if value <= CERTAIN:
        return 1.0
    k = np.arange(1, TERMS + 1)
    sign = np.where(k % 2, 1.0, -1.0)
    return float(np.clip(8 * np.sum(sign * k * _above(k * value)), 0, 1))


def _above(value: Floats) -> Numbers:
    """The chance that a standard normal exceeds each value."""
    return np.array([erfc(each / np.sqrt(2)) / 2 for each in value])
