"""Uncertainty by resampling clusters: the records of one career are not independent, careers (or households) are.

Every statistic here is a function of weighted means over records, and a mean over resampled clusters is a ratio of sums
over clusters. One matrix product therefore serves all models and cells, and all of them see the same draws, so that the
difference between two models is a paired one (Efron and Tibshirani 1993; Cameron, Gelbach and Miller 2008). Within
strata one cluster fewer is drawn than there are, and the drawn ones count for more (Rao and Wu 1988).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np

from laborllm.errors import OptionError
from laborllm.evaluation.arrays import Bools, Floats, Indices, Numbers

INTERVAL = (0.025, 0.975)
"""Quantiles of the draws that bound a 95 % interval."""

FEWEST_DRAWS = 40  # below that, the 2.5 % quantile lies outside the draws
CHUNK = 1_000_000  # multiplicities held at once


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


def require_draws(draws: int) -> None:
    """Raise `OptionError` for draws that are too few to bound an interval: call it before long work, not after."""
    if draws < FEWEST_DRAWS:
        raise OptionError(f"{draws} bootstrap draws cannot bound a 95 % interval: use {FEWEST_DRAWS} or more")


@dataclass(frozen=True)
class ClusterBootstrap:
    """Draws of clusters, the same for every statistic asked of it.

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
        finite = np.isfinite(values)
        clean = np.where(finite, values, 0.0)
        infinite = np.stack([(~finite[cell]).any(axis=0) for cell in cells.T], axis=1)  # (m, c)
        sums = np.empty((self.clusters, values.shape[1], cells.shape[1]))
        counts = np.empty((self.clusters, 1, cells.shape[1]))
        for at, cell in enumerate(cells.T):
            sums[..., at], counts[..., at] = self.sums(clean, cell), self.sums(np.ones((len(cell), 1)), cell)
        found = self.ratio(sums, counts)
        found.estimate[infinite] = np.inf
        found.resampled[:, infinite] = np.nan
        return found

    def ratio(self, over: Numbers, under: Numbers) -> Bootstrapped:
        """Ratios of totals, and their draws.

        Args:
            over: A sum per cluster, (clusters, ...).
            under: A sum per cluster to divide by, of the same shape or one that broadcasts to it.

        Returns:
            The total of `over` divided by the total of `under`, (...).
        """
        columns = np.concatenate([over.reshape(len(over), -1), under.reshape(len(over), -1)], axis=1)
        number = over[0].size

        def divided(totals: Numbers) -> Numbers:
            numerator = totals[:, :number].reshape(-1, *over.shape[1:])
            denominator = totals[:, number:].reshape(-1, *under.shape[1:])
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.asarray(numerator / denominator)

        return Bootstrapped(divided(columns.sum(axis=0)[None])[0], divided(self.totals(columns)))

    @cached_property
    def clusters(self) -> int:
        """How many clusters there are."""
        return int(self.cluster.max()) + 1

    def sums(self, values: Numbers, inside: Bools | None = None) -> Numbers:
        """Weighted sums over the records of each cluster.

        Args:
            values: Numbers of each record, (n, k).
            inside: Which records count, (n,); None: all.

        Returns:
            (clusters, k).
        """
        chosen = slice(None) if inside is None else inside
        cluster, weight = self.cluster[chosen], self.weight[chosen]
        columns = (column[chosen] * weight for column in values.T)
        return np.stack([np.bincount(cluster, column, self.clusters) for column in columns], axis=1)

    def totals(self, sums: Numbers) -> Numbers:
        """Totals of `sums` (clusters, k) over drawn clusters, (draws, k)."""
        generator = np.random.default_rng(self.seed)
        if self.stratum is None:
            chunks = _multiplicities(len(sums), self.draws, generator)
        else:
            chunks = _within_strata(self.stratum, self.draws, generator)
        return np.concatenate([chunk @ sums for chunk in chunks])


def _multiplicities(clusters: int, draws: int, generator: np.random.Generator) -> Iterator[Numbers]:
    """How often each cluster is drawn, as many as there are with replacement, in chunks of (some draws, clusters)."""
    rows = max(1, CHUNK // clusters)
    for start in range(0, draws, rows):
        yield _drawn(clusters, clusters, min(rows, draws - start), generator)


def _within_strata(stratum: Indices, draws: int, generator: np.random.Generator) -> Iterator[Numbers]:
    """What each cluster counts for, in chunks of (some draws, clusters): in a stratum of m clusters m - 1 are drawn,
    each of which counts for m / (m - 1) (Rao and Wu 1988, without a correction for finite populations)."""
    rows = max(1, CHUNK // len(stratum))
    places = [np.flatnonzero(stratum == each) for each in range(int(stratum.max()) + 1)]
    for start in range(0, draws, rows):
        chunk = np.empty((min(rows, draws - start), len(stratum)))
        for place in places:
            size = len(place)
            chunk[:, place] = _drawn(size, size - 1, len(chunk), generator) * (size / (size - 1))
        yield chunk


def _drawn(clusters: int, chosen: int, draws: int, generator: np.random.Generator) -> Numbers:
    """How often each cluster is among `chosen` drawn with replacement, (draws, clusters)."""
    drawn = generator.integers(clusters, size=(draws, chosen)) + clusters * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * clusters).reshape(draws, clusters).astype(np.float64)
