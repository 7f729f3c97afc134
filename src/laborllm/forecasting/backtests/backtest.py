"""Backtests: forecasts of several years ahead, made at origins in the past and scored on what happened since.

At each origin the careers of held-out workers are cut, open records are made for the survey years since, covariates
held, and every model simulates them. Scores are means over records or workers, their standard errors clustered by
worker, who counts at several origins. Two naive forecasts are scored with the models: everybody stays where she is
(constant state), and everybody is drawn from the shares of the training records (constant share).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import PanelError
from laborllm.forecasting.backtests.scores import (
    brier_score,
    crps,
    energy_score,
    interval_holds,
    log_score,
    variogram_score,
    weighted_interval_score,
)
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.models.contract import Forecaster
from laborllm.models.taxonomies import require_taxonomy
from laborllm.panel import Panel

Floats = NDArray[np.float64]
Columns = NDArray[np.intp]

LEVELS = (0.5, 0.8, 0.9, 0.95)
TOP = 5
STATE, SHARE = "constant state", "constant share"


@dataclass(frozen=True)
class Futures:
    """What one forecast says at one origin of W workers over K years.

    Attributes:
        probability: Of every occupation by year, (W, K, J).
        paths: Occupations drawn, (W, D, K) columns.
    """

    probability: NDArray[np.floating]
    paths: NDArray[np.integer]


@dataclass(frozen=True)
class Origin:
    """The careers of W held-out workers up to one year, and what happened in the K survey years since.

    Attributes:
        year: The last year that a forecast knows.
        panel: The careers, with an open record for each later survey year.
        years: The survey years, (K,).
        observed: Columns of what happened, (W, K); J where the worker was not seen.
        last: Column of the last known occupation, (W,).
    """

    year: int
    panel: Panel
    years: NDArray[np.int64]
    observed: Columns
    last: Columns


def backtest(
    models: Mapping[str, Forecaster],
    panel: Panel,
    *,
    origins: Sequence[int],
    horizon: int,
    split: str = "test",
    draws: int = 200,
    seed: int = 0,
) -> pl.DataFrame:
    """Score forecasts of up to `horizon` years ahead from every origin.

    Args:
        models: Fitted models by name.
        panel: All careers; those of `split` are forecast, those of split train give the constant shares.
        origins: Years at which forecasts are made.
        horizon: How many years ahead.
        split: Whose careers are forecast.
        draws: Paths of each worker.
        seed: Seed of the draws.

    Returns:
        Columns model, horizon (years; null for scores of whole paths), metric, records (that were scored), workers,
        estimate and standard_error. Metrics of a year: log score, Brier score, top-1, top-5. Metrics of whole paths,
        for workers seen in every survey year: CRPS, weighted interval score and coverage of the number of records with
        a job and of the number of moves, energy and variogram score.

    Raises:
        PanelError: No worker of the split was seen both before and after an origin.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=100)
        >>> fitted = ll.fit("transition", panel)
        >>> found = ll.backtest({"counts": fitted}, panel, origins=[2009], horizon=4, draws=20)
        >>> found.filter(model="counts", metric="log score")["horizon"].to_list()
        [1, 2, 4]
    """
    for model in models.values():
        require_taxonomy(model, panel)
    marginal = _marginal(panel)
    scored = []
    for year in origins:
        origin = cut(panel, split, year, horizon)
        for name, futures in _futures(models, origin, marginal, draws, seed):
            scored += [row.with_columns(model=pl.lit(name)) for row in _scores(origin, futures)]
    return _means(pl.concat(scored))


def cut(panel: Panel, split: str, year: int, horizon: int) -> Origin:
    """The careers of a split as they were known at the end of `year`."""
    records = panel.subset(split).observed().records
    known, later = records.filter(pl.col("year") <= year), records.filter(pl.col("year") > year)
    later = later.filter(pl.col("year") <= year + horizon)
    both = known["worker"].unique().sort().implode()
    later = later.filter(pl.col("worker").is_in(both))
    if later.is_empty():
        raise PanelError(f"no worker of split {split} was seen both up to {year} and in the {horizon} years since")
    workers = later["worker"].unique().sort()
    careers = panel.with_records(known.filter(pl.col("worker").is_in(workers.implode())))
    years = later["year"].unique().sort().to_numpy().astype(np.int64)
    observed = np.full((len(workers), len(years)), len(panel.taxonomy))
    row = workers.search_sorted(later["worker"]).to_numpy()
    observed[row, np.searchsorted(years, later["year"].to_numpy())] = panel.taxonomy.columns(later["occupation"])
    last = careers.records.group_by("worker", maintain_order=True).agg(pl.col("occupation").last())["occupation"]
    return Origin(year, careers.open(years.tolist()), years, observed, panel.taxonomy.columns(last))


def _futures(
    models: Mapping[str, Forecaster], origin: Origin, marginal: Floats, draws: int, seed: int
) -> Iterator[tuple[str, Futures]]:
    for name, model in models.items():
        simulation = simulate(model, origin.panel, draws=draws, seed=seed)
        yield name, Futures(simulation.probability, simulation.occupation)
    workers, horizon = origin.observed.shape
    stays = np.eye(len(marginal))[origin.last][:, None].repeat(horizon, axis=1)
    yield STATE, Futures(stays, origin.last[:, None, None].repeat(horizon, axis=2))
    drawn = np.random.default_rng(seed).choice(len(marginal), size=(workers, draws, horizon), p=marginal)
    yield SHARE, Futures(np.broadcast_to(marginal, (workers, horizon, len(marginal))), drawn)


def _scores(origin: Origin, futures: Futures) -> Iterator[pl.DataFrame]:
    """Columns worker, horizon, metric and value, a frame for each metric."""
    worker = origin.panel.records["worker"].unique(maintain_order=True)
    occupations = len(origin.panel.taxonomy)
    row, year = np.nonzero(origin.observed < occupations)
    probability, observed = futures.probability[row, year].astype(np.float64), origin.observed[row, year]
    above = (probability > probability[np.arange(len(observed)), observed][:, None]).sum(axis=1)
    of_records = {
        "log score": log_score(probability, observed),
        "Brier score": brier_score(probability, observed),
        "top-1": (above < 1).astype(float),
        f"top-{TOP}": (above < TOP).astype(float),
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


def _means(scored: pl.DataFrame) -> pl.DataFrame:
    """Means by model, horizon and metric, with the standard error of a mean of clusters (Cameron and Miller 2015)."""
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
    return found.select(*keys, "records", "workers", "estimate", "standard_error")


def _marginal(panel: Panel) -> Floats:
    """The share of each occupation among the training records, (J,); one record is added to each."""
    seen = panel.taxonomy.columns(panel.subset("train").observed().records["occupation"])
    counts = np.bincount(seen, minlength=len(panel.taxonomy)) + 1.0
    return np.asarray(counts / counts.sum())
