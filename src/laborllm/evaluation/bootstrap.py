"""Uncertainty by resampling clusters: the records of one career are not independent, careers (or households) are.

Every statistic here is a function of weighted means over records, and a mean over resampled clusters is a ratio of sums
over clusters. So records can pass by some at a time, and one matrix product for each block of them serves all cells.
All models see the same draws, so that the difference between two of them is a paired one (Efron and Tibshirani 1993;
Cameron, Gelbach and Miller 2008). Within strata one cluster fewer is drawn than there are, and the drawn ones count for
more (Rao and Wu 1988).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from laborllm.evaluation.arrays import Bools, Floats, Indices, Numbers
from laborllm.evaluation.draws import Draws, require_draws
from laborllm.evaluation.scores.records import Records

INTERVAL = (0.025, 0.975)
"""Quantiles of the draws that bound a 95 % interval."""

TOGETHER = 4096  # records at a time, where all are in memory


@dataclass(frozen=True)
class Bootstrapped:
    """Statistics and their draws.

    Attributes:
        estimate: The statistics, (...).
        resampled: Their draws, (draws, ...); not a number where a draw does not define them.
    """

    estimate: Numbers
    resampled: Numbers

    def exp(self) -> Self:
        """The exponential of the statistics and of their draws."""
        return type(self)(np.exp(self.estimate), np.exp(self.resampled))

    def __sub__(self, other: Self) -> Self:
        with np.errstate(invalid="ignore"):
            return type(self)(self.estimate - other.estimate, self.resampled - other.resampled)

    def __truediv__(self, other: Self) -> Self:
        with np.errstate(invalid="ignore", divide="ignore"):
            return type(self)(self.estimate / other.estimate, self.resampled / other.resampled)

    def __getitem__(self, at: int | tuple[int, ...]) -> Self:
        return type(self)(np.asarray(self.estimate[at]), self.resampled[(slice(None), *np.atleast_1d(at))])

    @property
    def standard_error(self) -> float:
        """The standard deviation of the draws of a single statistic."""
        draws = self._finite_draws()
        return float(draws.std(ddof=1)) if len(draws) > 1 else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % percentile interval of a single statistic."""
        draws = self._finite_draws()
        if len(draws) < 2:
            return float("nan"), float("nan")
        low, high = np.quantile(draws, INTERVAL)
        return float(low), float(high)

    def _finite_draws(self) -> Numbers:
        return self.resampled[np.isfinite(self.resampled)]


@dataclass(frozen=True)
class ClusterBootstrap:
    """Means over records that are in memory.

    Attributes:
        cluster: The cluster of each record as numbers 0, 1, ..., (n,).
        weight: The weight of each record, (n,).
        stratum: The stratum of each cluster as numbers 0, 1, ..., (clusters,); None: clusters are drawn from all.
        draws: How many draws.
        seed: Of the draws.
    """

    cluster: Indices
    weight: Numbers
    stratum: Indices | None = field(default=None)
    draws: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        require_draws(self.draws)

    def mean(self, values: Floats, cells: Bools) -> Bootstrapped:
        """Weighted means over cells of records, and their draws.

        Args:
            values: Numbers of each record, (n, m). An infinite one makes the mean of its cell infinite, without draws.
            cells: Which records are in which cell, (n, c). The mean of no records is not a number.

        Returns:
            The mean of each column in each cell, (m, c).
        """
        numbers = np.where(cells, np.arange(cells.shape[1]), -1).T
        everyone = Records(np.zeros_like(self.cluster), self.cluster, self.weight, numbers)
        parts = (slice(start, start + TOGETHER) for start in range(0, len(values), TOGETHER))
        draws = Draws(int(self.cluster.max()) + 1, self.stratum, self.draws, self.seed)
        return means(draws, ((everyone.at(rows), values[rows].T) for rows in parts), cells.shape[1])


def means(draws: Draws, parts: Iterable[tuple[Records, Floats]], cells: int) -> Bootstrapped:
    """Weighted means over the records of cells, and their draws.

    Args:
        draws: Of the clusters of the records.
        parts: Some n records and m numbers of each, (m, n), part by part. An infinite one makes the mean of its cell
            infinite, without draws.
        cells: How many cells there are, c. The mean of no records is not a number.

    Returns:
        The mean of each column in each cell, (m, c).
    """
    spoilt: list[Bools] = []
    found = ratios(draws, _finite(parts, cells, spoilt), cells)
    infinite = np.any(spoilt, axis=0)
    found.estimate[infinite] = np.inf
    found.resampled[:, infinite] = np.nan
    return found


def ratios(draws: Draws, parts: Iterable[tuple[Records, Floats]], cells: int) -> Bootstrapped:
    """Weighted sums in each cell over the weight there, as `means` for numbers that are finite or not defined.

    Args:
        draws: Of the clusters of the records.
        parts: Some n records and m numbers of each, as `Records.sums` takes them, part by part.
        cells: How many cells there are, c.

    Returns:
        (m, c).
    """
    with_weight = ((records, np.concatenate([values, np.ones((1, *values.shape[1:]))])) for records, values in parts)
    totals = draws.totals(records.sums(values, cells) for records, values in with_weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = totals[:, :-1] / totals[:, -1:]
    return Bootstrapped(shares[0], shares[1:])


def _finite(
    parts: Iterable[tuple[Records, Floats]], cells: int, spoilt: list[Bools]
) -> Iterator[tuple[Records, Floats]]:
    """The parts with zero for what is infinite; `spoilt` takes in which cells that was in, (m, c)."""
    for records, values in parts:
        infinite = ~np.isfinite(values)
        spoilt.append(np.stack([np.bincount(records.at(each).all_cells, minlength=cells) > 0 for each in infinite]))
        yield records, np.where(infinite, 0.0, values)
