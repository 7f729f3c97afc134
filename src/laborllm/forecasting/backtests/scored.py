"""The scores of one forecast at one origin, by record and by worker, and their means."""

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.forecasting.backtests.origins import Columns, Floats, Futures, Origin
from laborllm.forecasting.backtests.scores import (
    brier_score,
    crps,
    energy_score,
    interval_holds,
    log_score,
    variogram_score,
    weighted_interval_score,
)
from laborllm.privacy import SMALLEST_CELL

LEVELS = (0.5, 0.8, 0.9, 0.95)
TOP = 5


def scores_at(origin: Origin, futures: Futures) -> Iterator[pl.DataFrame]:
    """Columns worker, horizon, metric and value, a frame for each metric."""
    worker = origin.panel.records["worker"].unique(maintain_order=True)
    occupations = len(origin.panel.taxonomy)
    row, year = np.nonzero(origin.observed < occupations)
    probability, observed = futures.probability[row, year].astype(np.float64), origin.observed[row, year]
    at_observed = probability[np.arange(len(observed)), observed][:, None]
    above, equal = (probability > at_observed).sum(axis=1), (probability == at_observed).sum(axis=1)
    of_records = {
        "log score": log_score(probability, observed),
        "Brier score": brier_score(probability, observed),
        **{f"top-{k}": np.clip((k - above) / equal, 0, 1) for k in (1, TOP)},  # ties are broken at random
    }
    ahead = origin.years[year] - origin.year
    for metric, value in of_records.items():
        yield _frame(worker[row], metric, value, ahead)
    whole = np.flatnonzero((origin.observed < occupations).all(axis=1))
    for metric, value in _path_scores(origin, futures, whole).items():
        yield _frame(worker[whole], metric, value, None)


def _path_scores(origin: Origin, futures: Futures, whole: Columns) -> dict[str, Floats]:
    """Scores of the paths of workers who were seen in every survey year, (w,) by metric."""
    paths, observed, last = futures.paths[whole].astype(np.intp), origin.observed[whole], origin.last[whole]
    is_state = np.isin(origin.panel.taxonomy.codes, origin.panel.taxonomy.states)
    counts: dict[str, Callable[[Columns], Floats]] = {
        "records with a job": lambda path: (~is_state[path]).sum(axis=-1).astype(float),
        "moves": lambda path: _moves(last, path),
    }
    found = {"energy score": energy_score(paths, observed), "variogram score": variogram_score(paths, observed)}
    for name, count in counts.items():
        drawn, happened = count(paths), count(observed)
        found[f"CRPS, {name}"] = crps(drawn, happened)
        found[f"weighted interval score, {name}"] = weighted_interval_score(drawn, happened, LEVELS)
        for level in LEVELS:
            found[f"coverage {level:.0%}, {name}"] = interval_holds(drawn, happened, level).astype(float)
    return found


def _moves(last: Columns, path: Columns) -> Floats:
    """How many records of paths, (w, ..., K), are moves, the first from the last known occupation, (w,)."""
    before = last.reshape(-1, *[1] * (path.ndim - 1))
    changes = np.diff(path, axis=-1, prepend=np.broadcast_to(before, (*path.shape[:-1], 1))) != 0
    return np.asarray(changes.sum(axis=-1), dtype=np.float64)


def _frame(worker: pl.Series, metric: str, value: Floats, horizon: NDArray[np.int64] | None) -> pl.DataFrame:
    years = pl.lit(None, pl.Int64) if horizon is None else pl.Series(horizon)
    return pl.DataFrame({"worker": worker, "value": value}).with_columns(years.alias("horizon"), metric=pl.lit(metric))


def means_of(scored: pl.DataFrame) -> pl.DataFrame:
    """Means by model, horizon and metric, with the standard error of a mean of clusters (Cameron and Miller 2015).

    Numbers of fewer than ten workers are null.
    """
    keys = ["model", "horizon", "metric"]
    centred = scored.with_columns((pl.col("value") - pl.col("value").mean().over(keys)).alias("off"))
    clusters = centred.group_by(*keys, "worker", maintain_order=True).agg(
        pl.len().alias("records"), pl.col("value").sum(), pl.col("off").sum()
    )
    count = pl.len()
    variance = (pl.col("off") ** 2).sum() * count / (count - 1)
    found = clusters.group_by(keys, maintain_order=True).agg(
        pl.col("records").sum(),
        count.alias("workers"),
        (pl.col("value").sum() / pl.col("records").sum()).alias("estimate"),
        (variance.sqrt() / pl.col("records").sum()).alias("standard_error"),
    )
    enough = pl.col("workers") >= SMALLEST_CELL
    numbers = pl.when(enough).then(pl.col("records", "workers", "estimate", "standard_error"))
    return found.select(*keys, numbers)
