"""Calibration without bins: Kuiper's statistic of cumulative differences, and its p-value.

Records are put in order of the probability given to an event, and the differences between what happened and that
probability are added up. The range of the running sum, per record, is ECCE-R of Arrieta-Ibarra et al. (2022, JMLR 23;
see also arXiv 2506.11251): the largest share by which any stretch of probabilities is off. Where forecasts are
calibrated given each worker's past, the differences are uncorrelated, also within a career, and the range over the
standard deviation of the sum has the distribution of the range of Brownian motion (Feller 1951).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import erfc, inf, nan, sqrt
from typing import ClassVar, Literal

import numpy as np

from laborllm.evaluation.arrays import Floats, Numbers
from laborllm.evaluation.bootstrap import Bootstrapped
from laborllm.evaluation.metrics.events import EventCases, EventMetric
from laborllm.evaluation.metrics.metric import Comparison, Measured
from laborllm.evaluation.sample import Sample
from laborllm.evaluation.scores.blocks import Blocks
from laborllm.evaluation.scores.ordered import in_order

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

    def measure(self, values: Sequence[Blocks[Numbers]], sample: Sample) -> Measured:
        """The range, or its p-value, in each cell with enough workers on both sides of the event; without draws.

        Args:
            values: The probability of the event and its outcome, block by block.
            sample: The records, their cells and their draws.

        Returns:
            Estimates, (c,), and where they are defined.
        """
        cases = EventCases(self.event, values, sample)
        defined = cases.have_both_outcomes()
        walks = [Walk() for _ in defined]
        with in_order(cases, lambda part: part.probability) as ordered:
            for part in chain.from_iterable(ordered):
                for _, cell, inside in part.cell_by_cell():
                    walks[cell].add(part.probability[inside], part.outcome[inside], part.weight[inside])
        found = [range_p_value(walk.error, walk.scale) if self.p_value else walk.error for walk in walks]
        estimate = np.where(defined, found, np.nan)
        return Measured(Bootstrapped(estimate, np.full((1, len(estimate)), np.nan)), defined)


@dataclass
class Walk:
    """The running sum of differences between outcome and probability, of records that are added in order.

    Attributes:
        weight: Of all records.
        place: Where the sum stands.
        probability: Of the last record.
        highest, lowest: The largest and the smallest value at which one probability has ended and a higher begun.
        variance: Of the sum under calibration.
    """

    weight: float = 0.0
    place: float = 0.0
    probability: float = -inf
    highest: float = 0.0
    lowest: float = 0.0
    variance: float = 0.0

    def add(self, probability: Numbers, outcome: Numbers, weight: Numbers) -> None:
        """Go on. Records of equal probability count at once, as they have no order.

        Args:
            probability: Of the event, ascending, none below those that were added, (n,).
            outcome: Whether it happened, 0 or 1, (n,).
            weight: Of each record, (n,).
        """
        sums = self.place + np.cumsum(weight * (outcome - probability))
        is_new = probability > np.append(self.probability, probability[:-1])
        ended = np.append(self.place, sums[:-1])[is_new]
        self.highest, self.lowest = float(ended.max(initial=self.highest)), float(ended.min(initial=self.lowest))
        self.place, self.probability = float(sums[-1]), float(probability[-1])
        self.weight += float(weight.sum())
        self.variance += float(np.sum(weight**2 * probability * (1 - probability)))

    @property
    def error(self) -> float:
        """Kuiper's statistic: the range of the sum, zero included, as a share of all weight."""
        reach = max(self.highest, self.place) - min(self.lowest, self.place)
        return reach / self.weight if self.weight else nan

    @property
    def scale(self) -> float:
        """The standard deviation of the whole sum under calibration, as a share of all weight."""
        return sqrt(self.variance) / self.weight if self.weight else nan


def cumulative_range(probability: Numbers, outcome: Numbers, weight: Numbers) -> tuple[float, float]:
    """Kuiper's statistic of records in memory.

    Args:
        probability: Of the event, (n,).
        outcome: Whether it happened, 0 or 1, (n,).
        weight: Of each record, (n,).

    Returns:
        The range as a share of all weight, and the standard deviation of the whole sum under calibration.
    """
    order, walk = np.argsort(probability, kind="stable"), Walk()
    walk.add(probability[order], outcome[order], weight[order])
    return walk.error, walk.scale


def range_p_value(error: float, scale: float = 1.0) -> float:
    """The chance that the range of a Brownian motion on [0, 1] is `error` / `scale` or more; none for a scale of zero.

    8 times the alternating sum over k of k P(Z > k value), for a standard normal Z (Feller 1951, equation 3.6
    integrated).
    """
    if not scale > 0:
        return nan
    value = error / scale
    if value <= CERTAIN:
        return 1.0
    k = np.arange(1, TERMS + 1)
    sign = np.where(k % 2, 1.0, -1.0)
    return float(np.clip(8 * np.sum(sign * k * _above(k * value)), 0, 1))


def _above(value: Floats) -> Numbers:
    """The chance that a standard normal exceeds each value."""
    return np.array([erfc(each / np.sqrt(2)) / 2 for each in value])
