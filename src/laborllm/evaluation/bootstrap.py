"""Uncertainty by resampling workers: the records of one career are not independent, careers are.

Every statistic here is a function of means over records, and a mean over resampled workers is a ratio of weighted sums
over workers. One matrix product therefore serves all models, measures and cells, and all of them see the same draws, so
that the difference between two models is a paired one (Efron and Tibshirani 1993; Cameron, Gelbach and Miller 2008).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from laborllm.errors import OptionError
from laborllm.evaluation.arrays import Bools, Indices

Floats = NDArray[np.float64]

INTERVAL = (0.025, 0.975)
"""Quantiles of the draws that bound a 95 % interval."""

FEWEST_DRAWS = 40  # below that, the 2.5 % quantile lies outside the draws
CHUNK = 4_000_000  # weights held at once


@dataclass(frozen=True)
class Bootstrapped:
    """Statistics and their draws. estimate: (...). resampled: (draws, ...), not a number where a draw cannot say."""

    estimate: Floats
    resampled: Floats

    def exp(self) -> Self:
        return type(self)(np.exp(self.estimate), np.exp(self.resampled))

    def __sub__(self, other: Self) -> Self:
        with np.errstate(invalid="ignore"):
            return type(self)(self.estimate - other.estimate, self.resampled - other.resampled)

    def __truediv__(self, other: Self) -> Self:
        with np.errstate(invalid="ignore"):
            return type(self)(self.estimate / other.estimate, self.resampled / other.resampled)

    def __getitem__(self, at: int | tuple[int, ...]) -> Self:
        return type(self)(np.asarray(self.estimate[at]), self.resampled[(slice(None), *np.atleast_1d(at))])

    @property
    def standard_error(self) -> float:
        """Of a single statistic: the standard deviation of its draws."""
        draws = self._finite_draws()
        return float(draws.std(ddof=1)) if len(draws) > 1 else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Of a single statistic: the 95 % percentile interval."""
        draws = self._finite_draws()
        if len(draws) < 2:
            return float("nan"), float("nan")
        low, high = np.quantile(draws, INTERVAL)
        return float(low), float(high)

    def _finite_draws(self) -> Floats:
        return self.resampled[np.isfinite(self.resampled)]


@dataclass(frozen=True)
class WorkerBootstrap:
    """The same `draws` draws of workers for every statistic asked of it. worker: (n,) numbers 0, 1, ... per record."""

    worker: Indices
    draws: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.draws < FEWEST_DRAWS:
            raise OptionError(f"{self.draws} bootstrap draws cannot bound a 95 % interval: use {FEWEST_DRAWS} or more")

    def mean(self, values: NDArray[np.floating], cells: Bools) -> Bootstrapped:
        """The mean of each column of `values` (n, m) over the records of each cell (n, c): an estimate of (m, c).

        An infinite value makes the mean of its cell infinite, without draws. The mean of no records is not a number.
        """
        finite = np.isfinite(values)
        infinite = (~finite).T.astype(np.float64) @ cells > 0  # (m, c)
        products = np.where(finite, values, 0.0)[:, :, None] * cells[:, None, :]  # (n, m, c)
        sums = worker_sums(products.reshape(len(values), -1), self.worker)
        counts = worker_sums(cells.astype(np.float64), self.worker)
        columns = np.concatenate([sums, counts], axis=1)
        resampled = resampled_totals(columns, self.draws, np.random.default_rng(self.seed))
        estimate = _ratio(columns.sum(axis=0, keepdims=True), *infinite.shape)[0]
        draws = _ratio(resampled, *infinite.shape)
        estimate[infinite] = np.inf
        draws[:, infinite] = np.nan
        return Bootstrapped(estimate, draws)


def worker_sums(values: Floats, worker: Indices) -> Floats:
    """Sums of `values` (n, k) over the records of each worker, (workers, k). Records of a worker are adjacent."""
    starts = np.flatnonzero(np.diff(worker, prepend=-1))
    return np.asarray(np.add.reduceat(values, starts, axis=0))


def resampled_totals(sums: Floats, draws: int, generator: np.random.Generator) -> Floats:
    """Totals of `sums` (workers, k) over as many workers drawn with replacement, (draws, k)."""
    weights = _weights(len(sums), draws, generator)
    return np.concatenate([chunk @ sums for chunk in weights])


def _weights(workers: int, draws: int, generator: np.random.Generator) -> Iterator[Floats]:
    """How often each worker is drawn, multinomial, in chunks of (some draws, workers)."""
    rows = max(1, CHUNK // workers)
    for start in range(0, draws, rows):
        count = min(rows, draws - start)
        drawn = generator.integers(workers, size=(count, workers)) + workers * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * workers).reshape(count, workers).astype(np.float64)


def _ratio(totals: Floats, measures: int, cells: int) -> Floats:
    """Means from totals whose last `cells` columns are the counts: (draws, m * c + c) to (draws, m, c)."""
    sums = totals[:, :-cells].reshape(-1, measures, cells)
    with np.errstate(invalid="ignore"):
        return np.asarray(sums / totals[:, None, -cells:])
