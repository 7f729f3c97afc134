"""Where a backtest stands: careers as they were known at an origin, and what each forecast says of the years since."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import PanelError
from laborllm.forecasting.groups.common_error import CommonError
from laborllm.models.contract import Forecaster
from laborllm.panel import Panel

Floats = NDArray[np.float64]
Columns = NDArray[np.intp]

STATE, SHARE = "constant state", "constant share"


@dataclass(frozen=True)
class Futures:
    """What one forecast says at one origin of W workers over K years.

    Attributes:
        probability: Of every occupation by year, (W, K, J).
        paths: Occupations drawn, (W, D, K) columns.
        common_error: What counts of people are off by beyond chance; None: nothing.
    """

    probability: NDArray[np.floating]
    paths: NDArray[np.integer]
    common_error: CommonError | None = None


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


def cut(panel: Panel, split: str, year: int, horizon: int) -> Origin:
    """The careers of a split as they were known at the end of a year.

    Args:
        panel: All careers.
        split: Whose careers.
        year: What is known is of this year or before.
        horizon: How many years since are forecast.

    Returns:
        Careers with open records, and what was observed in their place.

    Raises:
        PanelError: No worker was seen both before and after.
    """
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


def futures_of(
    models: Mapping[str, Sequence[Forecaster]],
    origin: Origin,
    marginal: Floats,
    draws: int,
    seed: int,
    errors: Mapping[str, CommonError] = MappingProxyType({}),
) -> Iterator[tuple[str, Futures]]:
    """What each model says at an origin, by name, and then the two naive forecasts.

    Args:
        models: The fits of each model by its name: one, or one and its refits, whose paths are taken together.
        origin: The careers.
        marginal: The constant shares, (J,).
        draws: Paths of each worker by each fit.
        seed: Seed of the draws.
        errors: What counts of people are off by beyond chance, of some models by name.
    """
    from laborllm.forecasting.simulation.simulate import simulate  # brings torch, which tables of rates do not need

    for name, fits in models.items():
        said = [simulate(fit, origin.panel, draws=draws, seed=seed + number) for number, fit in enumerate(fits)]
        probability = said[0].probability if len(said) == 1 else np.mean([each.probability for each in said], axis=0)
        yield name, Futures(probability, np.concatenate([each.occupation for each in said], axis=1), errors.get(name))
    workers, horizon = origin.observed.shape
    stays = np.eye(len(marginal))[origin.last][:, None].repeat(horizon, axis=1)
    yield STATE, Futures(stays, origin.last[:, None, None].repeat(horizon, axis=2))
    drawn = np.random.default_rng(seed).choice(len(marginal), size=(workers, draws, horizon), p=marginal)
    yield SHARE, Futures(np.broadcast_to(marginal, (workers, horizon, len(marginal))), drawn)


def marginal_of(panel: Panel) -> Floats:
    """The share of each occupation among the training records, (J,); one record is added to each."""
    seen = panel.taxonomy.columns(panel.subset("train").observed().records["occupation"])
    counts = np.bincount(seen, minlength=len(panel.taxonomy)) + 1.0
    return np.asarray(counts / counts.sum())
