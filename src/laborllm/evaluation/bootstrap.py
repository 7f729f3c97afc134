"""Uncertainty by resampling clusters: the records of one career are not independent, careers (or households) are.

Every statistic here is a function of weighted means over records, and a mean over resampled clusters is a ratio of sums
over clusters. One matrix product therefore serves all models and cells, and all of them see the same draws, so that the
difference between two models is a paired one (Efron and Tibshirani 1993; Cameron, Gelbach and Miller 2008). Within
strata one cluster fewer is drawn than there are, and the drawn ones count for more (Rao and Wu 1988).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np

from laborllm.errors import OptionError
from laborllm.evaluation.arrays import Bools, Floats, Indices, Numbers

INTERVAL = (0.025, 0.975)
"""Quantiles of the draws that bound a 95 % interval."""

FEWEST_DRAWS = 40  # below that, the 2.5 % quantile lies outside the draws
CHUNK = 1_000_000  # multiplicities held at once


class Partition(NamedTuple):
    """Disjoint cells of n records.

    Attributes:
        cell: The cell of each record as numbers 0, 1, ..., (n,); -1 where it is in none.
        cells: How many there are.
    """

    cell: Indices
    cells: int


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
        return self.mean_by(values, [Partition(np.where(cell, 0, -1), 1) for cell in cells.T])

    def mean_by(self, values: Floats, partitions: Sequence[Partition]) -> Bootstrapped:
        """Weighted means in the cells of partitions, and their draws.

        Args:
            values: Numbers of each record, (n, m). An infinite one makes the mean of its cell infinite, without draws.
            partitions: Of the records, c cells together. The mean of no records is not a number.

        Returns:
            The mean of each column in each cell, (m, c).
        """
        infinite = ~np.isfinite(values)
        clean = np.where(infinite, 0.0, values) if infinite.any() else values
        found = self.ratio(self.sums_by(clean, partitions), self.sums_by(None, partitions))
        spoilt = np.concatenate([_any_in(infinite, partition) for partition in partitions], axis=1)  # (m, c)
        found.estimate[spoilt] = np.inf
        found.resampled[:, spoilt] = np.nan
        return found

    def ratio(self, over: Numbers, under: Numbers) -> Bootstrapped:
        """Ratios of totals, and their draws.

        Args:
            over: A sum per cluster, (clusters, ...).
            under: A sum per cluster to divide by, of the same shape or one that broadcasts to it.

        Returns:
            The total of `over` divided by the total of `under`, (...).
        """
        numerator, denominator = self.totals(over, under)
        with np.errstate(invalid="ignore", divide="ignore"):
            return Bootstrapped(over.sum(axis=0) / under.sum(axis=0), numerator / denominator)

    @cached_property
    def clusters(self) -> int:
        """How many clusters there are."""
        return int(self.cluster.max()) + 1

    def sums_by(self, values: Floats | None, partitions: Sequence[Partition]) -> Numbers:
        """Weighted sums over the records of each cluster in the cells of partitions.

        Args:
            values: Numbers of each record, (n, k); None: one for each record, so that the sums are weights.
            partitions: Of the records, c cells together.

        Returns:
            (clusters, k, c).
        """
        columns = [None] if values is None else list(values.T)
        sums = np.empty((self.clusters, len(columns), sum(partition.cells for partition in partitions)))
        start = 0
        for cell, cells in partitions:
            inside = cell >= 0
            chosen = slice(None) if inside.all() else inside
            weight, place = self.weight[chosen], self.cluster[chosen] * np.intp(cells) + cell[chosen]
            for at, column in enumerate(columns):
                added = weight if column is None else column[chosen] * weight
                found = np.bincount(place, added, self.clusters * cells)
                sums[:, at, start : start + cells] = found.reshape(self.clusters, cells)
            start += cells
        return sums

    def sums_of(self, rows: Indices, values: Numbers | None = None) -> Numbers:
        """Weighted sums over some records of each cluster.

        Args:
            rows: Which records, (k,).
            values: A number for each of them, (k,); None: one for each, so that the sums are weights.

        Returns:
            (clusters,).
        """
        weight = self.weight[rows]
        return np.asarray(np.bincount(self.cluster[rows], weight if values is None else values * weight, self.clusters))

    def totals(self, *sums: Numbers) -> list[Numbers]:
        """Totals over drawn clusters, the same draws for all.

        Args:
            sums: Tables of sums per cluster, (clusters, ...) each.

        Returns:
            For each table its totals, (draws, ...).
        """
        generator = np.random.default_rng(self.seed)
        if self.stratum is None:
            chunks = _multiplicities(self.clusters, self.draws, generator)
        else:
            chunks = _within_strata(self.stratum, self.draws, generator)
        flat = [table.reshape(len(table), -1) for table in sums]
        parts = zip(*([chunk @ table for table in flat] for chunk in chunks), strict=True)
        return [np.concatenate(part).reshape(-1, *table.shape[1:]) for part, table in zip(parts, sums, strict=True)]


def _any_in(marked: Bools, partition: Partition) -> Bools:
    """Whether any record of each cell is marked, (m, c), by the m columns of `marked` (n, m)."""
    found = np.zeros((marked.shape[1], partition.cells), dtype=bool)
    for at, column in enumerate(marked.T):
        cells = partition.cell[column]
        found[at, cells[cells >= 0]] = True
    return found


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
