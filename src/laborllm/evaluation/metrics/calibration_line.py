"""Slope and intercept of calibration: the logistic regression of what happened on the log-odds of its probability.

A slope below one says that forecasts are too extreme, above one too timid; the intercept, with the slope held at one,
that the event happens more often (positive) or less often than forecast (Cox 1958; Van Calster et al. 2019).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from laborllm.evaluation.arrays import Bools, Numbers
from laborllm.evaluation.bootstrap import Bootstrapped
from laborllm.evaluation.metrics.events import Cases, EventCases, EventMetric
from laborllm.evaluation.metrics.metric import Comparison, Measured
from laborllm.evaluation.sample import Sample
from laborllm.evaluation.scores.blocks import Blocks

SMALLEST = 1e-9  # probability that enters as it is; what is nearer to zero or one counts as this
STEPS, TOLERANCE = 50, 1e-10


@dataclass(frozen=True)
class CalibrationLine(EventMetric):
    """One coefficient of the calibration line of an event."""

    coefficient: Literal["slope", "intercept"]
    comparisons: tuple[Comparison, ...] = ("difference",)

    @property
    def name(self) -> str:
        """What tables call it, such as calibration_slope_change."""
        return f"calibration_{self.coefficient}_{self.event.name}"

    @property
    def label(self) -> str:
        """What it is called in words."""
        return f"calibration {self.coefficient}: {self.event.label}"

    @property
    def better(self) -> Literal["one", "zero"]:
        """The value of a calibrated forecast: a slope of one, an intercept of zero."""
        return "one" if self.coefficient == "slope" else "zero"

    def measure(self, values: Sequence[Blocks[Numbers]], sample: Sample) -> Measured:
        """The coefficient in each cell, with draws one Newton step from it, of the clustered sandwich's variance.

        Args:
            values: The probability of the event and its outcome, block by block.
            sample: The records, their cells and their draws.

        Returns:
            Estimates and draws, (c,), and where they are defined.
        """
        cases = EventCases(self.event, values, sample)
        defined = cases.have_both_outcomes()
        line = calibration_line(cases, defined, slope=self.coefficient == "slope")
        added_up = sample.draws.totals(part.sums(line.influence(part)[None], len(defined)) for part in cases)[:, 0]
        return Measured(Bootstrapped(line.estimate, line.estimate + added_up[1:]), defined)


@dataclass(frozen=True)
class Line:
    """The logistic regression of outcomes on log-odds in each of c cells.

    Attributes:
        coefficients: Intercept and slope, (c, 2); not numbers where Newton's method does not converge, as for outcomes
            that log-odds separate. The first k of them are estimated.
        inverse: Of the information on those, (c, k, k).
    """

    coefficients: Numbers
    inverse: Numbers

    @property
    def estimate(self) -> Numbers:
        """The slope, or the intercept where the slope is given, (c,)."""
        return np.asarray(self.coefficients[:, self.inverse.shape[1] - 1])

    def influence(self, part: Cases) -> Numbers:
        """What each record adds to the estimate of its cell of each partition per unit of its weight, (P, n)."""
        features, residual, _ = _at(part, self.coefficients)
        direction = self.inverse[:, :, -1]  # (c, k)
        directed = [direction[part.cells, at] * features[at] for at in range(direction.shape[1])]
        return np.asarray(residual * np.sum(directed, axis=0))


def calibration_line(cases: Iterable[Cases], among: Bools, *, slope: bool) -> Line:
    """The calibration line of each cell, by Newton's method.

    Args:
        cases: Some at a time; gone through once for each step.
        among: Which cells have a line, (c,).
        slope: Estimate the slope too, which is otherwise held at one.

    Returns:
        The lines.
    """
    k = 2 if slope else 1
    beta = np.where(among[:, None], [0.0, 0.0 if slope else 1.0], np.nan)
    for _ in range(STEPS):
        score, information = _moments(cases, beta, k)
        known = np.flatnonzero(np.isfinite(information).all(axis=(1, 2)))
        known = known[np.linalg.cond(information[known]) <= 1 / TOLERANCE]
        inverse = np.full_like(information, np.nan)
        inverse[known] = np.linalg.inv(information[known])
        step = (inverse @ score[:, :, None])[:, :, 0]
        beta[:, :k] += step
        if not (np.abs(step) >= TOLERANCE).any():
            break
    beta[(np.abs(step) >= TOLERANCE).any(axis=1)] = np.nan
    return Line(beta, inverse)


def _moments(cases: Iterable[Cases], beta: Numbers, k: int) -> tuple[Numbers, Numbers]:
    """The score of the first k coefficients in each cell, (c, k), and the information on them, (c, k, k)."""
    score, information = np.zeros((len(beta), k)), np.zeros((len(beta), k, k))
    for part in cases:
        features, residual, variance = _at(part, beta)
        for row in range(k):
            score[:, row] += _by_cell(part, part.weight * residual * features[row], len(beta))
            for column in range(k):
                added = part.weight * variance * features[row] * features[column]
                information[:, row, column] += _by_cell(part, added, len(beta))
    return score, information


def _at(part: Cases, beta: Numbers) -> tuple[tuple[float, Numbers], Numbers, Numbers]:
    """One, and the log-odds, (n,); the residual of each record and its variance, given the line of its cell, (P, n)."""
    clipped = np.clip(part.probability, SMALLEST, 1 - SMALLEST)
    log_odds = np.log(clipped) - np.log1p(-clipped)
    mean = 1 / (1 + np.exp(-np.clip(beta[part.cells, 0] + beta[part.cells, 1] * log_odds, -500, 500)))
    return (1.0, log_odds), part.outcome - mean, mean * (1 - mean)


def _by_cell(part: Cases, values: Numbers, cells: int) -> Numbers:
    """The sum of the values, (P, n), in each cell, (c,)."""
    return np.bincount(part.cells.ravel(), values.ravel(), cells).astype(np.float64, copy=False)
