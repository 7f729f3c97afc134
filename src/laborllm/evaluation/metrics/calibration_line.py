"""Slope and intercept of calibration: the logistic regression of what happened on the log-odds of its probability.

A slope below one says that forecasts are too extreme, above one too timid; the intercept, with the slope held at one,
that the event happens more often (positive) or less often than forecast (Cox 1958; Van Calster et al. 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from laborllm.evaluation.arrays import Numbers
from laborllm.evaluation.bootstrap import Bootstrapped
from laborllm.evaluation.metrics.events import EventMetric
from laborllm.evaluation.metrics.metric import Comparison, Measured
from laborllm.evaluation.sample import Sample

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

    def measure(self, values: Sequence[Numbers], sample: Sample) -> Measured:
        """The coefficient in each cell, with draws one Newton step from it, of the clustered sandwich's variance.

        Args:
            values: The probability of the event and its outcome, (n, m) each.
            sample: The n records, their cells and their draws.

        Returns:
            Estimates and draws, (m, c), and where they are defined.
        """
        probability, outcome = values
        among, bootstrap = self.domain(sample.history), sample.bootstrap
        shape = (probability.shape[1], len(sample.cells))
        estimate, defined = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
        influence = np.zeros((bootstrap.clusters, *shape))
        for model in range(shape[0]):
            happened = outcome[:, model] > 0.5
            defined[model] = sample.enough_in(among & happened) & sample.enough_in(among & ~happened)
            for at, cell in enumerate(sample.members()):
                if not defined[model, at]:
                    continue
                inside = np.flatnonzero(among & cell)
                estimate[model, at], effect = self._fit(
                    probability[inside, model], outcome[inside, model], sample.design.weight[inside]
                )
                influence[:, model, at] = bootstrap.sums_of(inside, effect)
        (added_up,) = bootstrap.totals(influence)
        return Measured(Bootstrapped(estimate, estimate + added_up), defined)

    def _fit(self, probability: Numbers, outcome: Numbers, weight: Numbers) -> tuple[float, Numbers]:
        """The coefficient, and what each record adds to it per unit of its weight, (n,)."""
        clipped = np.clip(probability, SMALLEST, 1 - SMALLEST)
        log_odds = np.log(clipped) - np.log1p(-clipped)
        ones = np.ones(len(log_odds))
        if self.coefficient == "slope":
            return logistic(np.stack([ones, log_odds], axis=1), outcome, weight, offset=0 * ones)
        return logistic(ones[:, None], outcome, weight, offset=log_odds)


def logistic(design: Numbers, outcome: Numbers, weight: Numbers, *, offset: Numbers) -> tuple[float, Numbers]:
    """The last coefficient of a weighted logistic regression, by Newton's method.

    Args:
        design: Regressors of n records, (n, k).
        outcome: What happened, 0 or 1, (n,).
        weight: Of each record, (n,).
        offset: What is added to the log-odds of each record, (n,).

    Returns:
        The coefficient, and the influence of each record on it, (n,); not numbers where the method does not converge,
        as for outcomes that the design separates.
    """
    beta = np.zeros(design.shape[1])
    for _ in range(STEPS):
        mean = 1 / (1 + np.exp(-np.clip(design @ beta + offset, -500, 500)))
        score = design * (outcome - mean)[:, None]
        information = (design * (weight * mean * (1 - mean))[:, None]).T @ design
        if np.linalg.cond(information) > 1 / TOLERANCE:
            break
        step = np.linalg.solve(information, weight @ score)
        beta = beta + step
        if np.abs(step).max() < TOLERANCE:
            return float(beta[-1]), np.asarray(score @ np.linalg.inv(information)[:, -1])
    return float("nan"), np.full(len(outcome), np.nan)
