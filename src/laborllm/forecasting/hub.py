"""The long form in which forecast hubs exchange results: one number a row, and next to it what it is a number of.

Columns: `origin` (the last year known; null for groups of several), `horizon`, `year`, `target`, `group` (a worker, or
a group of them), `model`, `output_type` (pmf, mean, quantile), `output_type_id` (code, or level of the quantile),
`code`, `title` and `value`, as in hubverse (hubverse.io), whose tables have no titles.
"""

from statistics import NormalDist

import numpy as np
import polars as pl

from laborllm.forecasting.central import tails
from laborllm.forecasting.simulation.result import Difference, Simulation
from laborllm.forecasting.summaries import probabilities, rows_of

COLUMNS = (
    *("origin", "horizon", "year", "target", "group", "model"),
    *("output_type", "output_type_id", "code", "title", "value"),
)
TAILS = (0.05, 0.95)


def hub_probabilities(simulation: Simulation, model: str, *, top: int | None = None) -> pl.DataFrame:
    """Where each worker is: target "occupation", a pmf over codes.

    Args:
        simulation: W workers over K years.
        model: Name of the model.
        top: Keep this many occupations of each worker and year. Default: all.
    """
    table = probabilities(simulation, top=top).rename({"worker": "group", "probability": "value"})
    return _long(table, model, "occupation", "pmf", pl.col("code"))


def hub_shares(table: pl.DataFrame, model: str, *, level: float) -> pl.DataFrame:
    """Where groups of workers are: targets "share" (a pmf over codes) and "people" (mean, and two quantiles).

    Args:
        table: What `group_shares` gives.
        model: Name of the model, or what the refits are of.
        level: The level of the interval in `table`.
    """
    known = table.with_columns(pl.lit(None, pl.Int64).alias("origin"), pl.lit(None, pl.Int64).alias("horizon"))
    return pl.concat(
        [
            _long(known.with_columns(value="share"), model, "share", "pmf", pl.col("code")),
            _long(known.with_columns(value="count"), model, "people", "mean", pl.lit(None, pl.String)),
            _quantile(known, model, "people", "low", tails(level)[0]),
            _quantile(known, model, "people", "high", tails(level)[1]),
        ]
    )


def hub_differences(difference: Difference, model: str, *, top: int | None = None) -> pl.DataFrame:
    """How two versions of the same careers differ: target "difference in probability", its mean and the quantiles of
    its Monte Carlo error.

    Args:
        difference: Of W workers over K years.
        model: Name of the model.
        top: Keep this many occupations of each worker and year, those that differ most. Default: all.
    """
    rows, occupations = rows_of(difference), len(difference.taxonomy)
    mean, error = (part.reshape(len(rows), occupations) for part in (difference.probability, difference.error))
    kept = occupations if top is None else min(top, occupations)
    order = np.argsort(-np.abs(mean), axis=1, kind="stable")[:, :kept]
    at, columns = np.repeat(np.arange(len(rows)), kept), order.ravel()
    table = rows[at].with_columns(
        pl.Series("code", np.array(difference.taxonomy.codes)[columns]),
        pl.Series("title", np.array(difference.taxonomy.titles)[columns]),
        pl.Series("mean", np.take_along_axis(mean, order, axis=1).ravel().astype(np.float64)),
        pl.Series("error", np.take_along_axis(error, order, axis=1).ravel().astype(np.float64)),
    )
    table = table.rename({"worker": "group"})
    for name, tail in zip(("low", "high"), TAILS, strict=True):
        table = table.with_columns((pl.col("mean") + NormalDist().inv_cdf(tail) * pl.col("error")).alias(name))
    target = "difference in probability"
    return pl.concat(
        [
            _long(table.with_columns(value="mean"), model, target, "mean", pl.lit(None, pl.String)),
            *(_quantile(table, model, target, name, tail) for name, tail in zip(("low", "high"), TAILS, strict=True)),
        ]
    )


def _quantile(table: pl.DataFrame, model: str, target: str, column: str, level: float) -> pl.DataFrame:
    return _long(
        table.with_columns(pl.col(column).cast(pl.Float64).alias("value")),
        model,
        target,
        "quantile",
        pl.lit(f"{level:g}"),
    )


def _long(table: pl.DataFrame, model: str, target: str, kind: str, identifier: pl.Expr) -> pl.DataFrame:
    named = table.with_columns(
        identifier.alias("output_type_id"), model=pl.lit(model), target=pl.lit(target), output_type=pl.lit(kind)
    )
    whole = [pl.col(name).cast(pl.Int64) for name in ("origin", "horizon", "year")]
    return named.with_columns(whole).select(COLUMNS)
