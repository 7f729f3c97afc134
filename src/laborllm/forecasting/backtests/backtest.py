"""Backtests: forecasts of several years ahead, made at origins in the past and scored on what happened since.

At each origin the careers of held-out workers are cut, open records are made for the survey years since, covariates
held, and every model simulates them. Scores are means over records or workers, their standard errors clustered by
worker, who counts at several origins. Naive forecasts are scored with the models: everybody stays where she is
(constant state), everybody is drawn from the shares of the training records (constant share), and Markov chains of
first and second order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from laborllm.errors import OptionError
from laborllm.forecasting.backtests.origins import cut, futures_of, marginal_of
from laborllm.forecasting.backtests.rates import coverage_of, rates_at
from laborllm.forecasting.backtests.scored import means_of, scores_at
from laborllm.forecasting.groups.common_error import CommonError
from laborllm.models.contract import Forecaster
from laborllm.models.counts.specs import Transition
from laborllm.models.taxonomies import lineage_of, require_taxonomy
from laborllm.panel import Panel

MARKOV: dict[str, Transition] = {
    "Markov chain": Transition("two-part"),
    "second-order Markov chain": Transition("second-order"),
}


@dataclass(frozen=True)
class Backtest:
    """What forecasts of the past came to.

    Attributes:
        scores: A row per model, horizon and metric: model, horizon (years; null for scores of whole paths), metric,
            records (that were scored), workers, estimate and standard_error. Metrics of a year: log score, Brier
            score, top-1, top-5. Metrics of whole paths, for workers seen in every survey year: CRPS, weighted interval
            score and coverage of the number of records with a job and of the number of moves, energy and variogram
            score.
        rates: Where workers of an age were expected and found to be, by model, origin, horizon, age (at the origin) and
            group of occupations: people, observed, expected, and low and high, the 90 % interval of the count. Null
            where fewer than ten workers are behind a count, or it would give such a count away.
        coverage: How many of the counts in `rates` lie in their intervals, by model, horizon and level: cells (with at
            least five expected people), held, the share of them, and holds: what the intervals hold, "draws" and
            perhaps "refits" and "common error".

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=100)
        >>> found = ll.backtest({}, panel, origins=[2009], horizon=2, draws=20)
        >>> found.scores["model"].unique(maintain_order=True).to_list()[:2]
        ['Markov chain', 'second-order Markov chain']
    """

    scores: pl.DataFrame
    rates: pl.DataFrame
    coverage: pl.DataFrame

    def __repr__(self) -> str:
        """Which models, and no number about people."""
        return f"Backtest({', '.join(self.scores['model'].unique(maintain_order=True))})"


def backtest(
    models: Mapping[str, Forecaster],
    panel: Panel,
    *,
    origins: Sequence[int],
    horizon: int,
    split: str = "test",
    workers: int | None = None,
    draws: int = 200,
    seed: int = 0,
    refits: Mapping[str, Sequence[Forecaster]] | None = None,
    common_error: Mapping[str, CommonError] | None = None,
) -> Backtest:
    """Score forecasts of up to `horizon` years ahead from every origin.

    Args:
        models: Fitted models by name.
        panel: All careers; those of `split` are forecast, those of split train make the naive forecasts.
        origins: Years at which forecasts are made.
        horizon: How many years ahead.
        split: Whose careers are forecast.
        workers: Forecast this many of them, drawn at random. Default: all.
        draws: Paths of each worker, by each fit.
        seed: Seed of the draws.
        refits: Models fitted on resampled careers, by the name of the model that they are refits of: its forecast is
            the mean of theirs and its own, and intervals hold what the careers do not say.
        common_error: The error that all people of a group share, calibrated on people who are not tested, by the name
            of the model: intervals of counts hold it too.

    Returns:
        Scores, rates by age and group, and the coverage of the intervals of counts.

    Raises:
        OptionError: There is no origin, or refits or an error are of no model here.
        PanelError: No worker of the split was seen both before and after an origin.
        RunError: A model forecasts over another taxonomy than the panel's, or was fitted on another split of it.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=100)
        >>> fitted = ll.fit("transition", panel)
        >>> found = ll.backtest({"counts": fitted}, panel, origins=[2009], horizon=4, draws=20)
        >>> found.scores.filter(model="counts", metric="log score")["horizon"].to_list()
        [1, 2, 4]
    """
    if not origins:
        raise OptionError("a backtest needs at least one origin: a year at which forecasts are made")
    fits = _with_refits(models, refits or {}, common_error or {})
    for model in (each for several in fits.values() for each in several):
        require_taxonomy(model, panel)
        if split != "train":
            lineage_of(model).require_held_out_by(panel)
    some = panel.draw(split, workers, seed=seed)
    fits |= {name: [spec.fit(panel)] for name, spec in MARKOV.items()}
    marginal = marginal_of(panel)
    scored, rates, coverage = [], [], []
    for origin in [cut(some, split, year, horizon) for year in origins]:
        for name, futures in futures_of(fits, origin, marginal, draws, seed, common_error or {}):
            called = pl.lit(name).alias("model")
            scored += [row.with_columns(called) for row in scores_at(origin, futures)]
            rates.append(rates_at(origin, futures).select(called, pl.all()))
            holds = pl.lit(_holds(len(fits.get(name, ())), futures.common_error)).alias("holds")
            coverage.append(coverage_of(origin, futures).select(called, pl.all(), holds))
    return Backtest(means_of(pl.concat(scored)), pl.concat(rates), _share_held(coverage))


def _with_refits(
    models: Mapping[str, Forecaster],
    refits: Mapping[str, Sequence[Forecaster]],
    common_error: Mapping[str, CommonError],
) -> dict[str, Sequence[Forecaster]]:
    """Each model with its refits, by name."""
    for what, named in (("refits", refits), ("errors", common_error)):
        for name in named:
            if name not in models:
                raise OptionError(f"there are {what} of {name!r}, which is no model here: use {', '.join(models)}")
    return {name: [model, *refits.get(name, [])] for name, model in models.items()}


def _holds(fits: int, common_error: CommonError | None) -> str:
    """What intervals hold."""
    held = ["draws", *(["refits"] if fits > 1 else []), *([] if common_error is None else ["common error"])]
    return ", ".join(held)


def _share_held(coverage: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The coverage at all origins together, weighted by cells."""
    held = pl.concat(coverage).group_by("model", "horizon", "level", maintain_order=True)
    of_cells = (pl.col("held").sum() / pl.col("cells").sum()).alias("held")
    share = held.agg(pl.col("cells").sum(), of_cells, pl.col("holds").first())
    return share.filter(pl.col("cells") > 0)
