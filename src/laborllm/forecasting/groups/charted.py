"""The tidy frames behind charts of years to come: few groups of occupations, who goes where, sampled careers.

Titles are an `Enum` in the order of the groups, so that a group has one colour in all charts.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.forecasting.groups.common_error import CommonError
from laborllm.forecasting.groups.shares import LEVEL, common_years, group_shares
from laborllm.forecasting.simulation.result import Simulation
from laborllm.occupations.taxonomy import OTHERS

SHOWN = 6
"""Groups that have a colour of their own; the rest are together."""


def main_groups(simulation: Simulation, *, shown: int = SHOWN) -> list[str]:
    """The groups of occupations that most of the workers are in over all years, the largest first."""
    total = group_shares(simulation, major=True).group_by("title", maintain_order=True).agg(pl.col("share").sum())
    return total.sort("share", descending=True, maintain_order=True)["title"].head(shown).to_list()


def chart_shares(simulations: Simulation | Sequence[Simulation], *, shown: int = SHOWN) -> pl.DataFrame:
    """Columns year, title and share: where the workers are by year, in their main groups and all others."""
    order = [*main_groups(_first(simulations), shown=shown), OTHERS]
    table = group_shares(simulations, major=True).with_columns(_named("title", order))
    return table.group_by("year", "title", maintain_order=True).agg(pl.col("share").sum()).sort("year", "title")


def chart_counts(
    simulations: Simulation | Sequence[Simulation],
    *,
    shown: int = SHOWN,
    sampled: bool = False,
    level: float = LEVEL,
    common_error: CommonError | None = None,
) -> pl.DataFrame:
    """Columns year, title, count, low and high: how many of the workers are in each of their main groups.

    Args:
        simulations: One simulation, or one by each refit of a model, of the same workers.
        shown: How many groups are shown at most.
        sampled: Whether the workers are a sample, so that intervals hold who is in it.
        level: Share of futures that an interval holds.
        common_error: The error that all people of a group share; default: none.
    """
    table = group_shares(simulations, major=True, sampled=sampled, level=level, common_error=common_error)
    order = main_groups(_first(simulations), shown=shown)
    known = table.filter(pl.col("title").is_in(order))
    return known.select("year", pl.col("title").cast(pl.Enum(order)), "count", "low", "high").sort("title", "year")


def chart_flows(simulation: Simulation, *, shown: int = SHOWN) -> pl.DataFrame:
    """Columns year, next_year, origin, destination and count: expected workers who go from group to group between
    consecutive years, by the paths drawn. What becomes of less than a thousandth of them is left out."""
    order = [*main_groups(simulation, shown=shown), OTHERS]
    years = common_years([simulation])
    at = _places(simulation, order)  # (W, D, K)
    parts = []
    for year in range(len(years) - 1):
        flow = np.bincount((at[:, :, year] * len(order) + at[:, :, year + 1]).ravel(), minlength=len(order) ** 2)
        origin, destination = np.divmod(np.arange(len(order) ** 2), len(order))
        parts.append(
            pl.DataFrame(
                {
                    "year": np.repeat(years[year].astype(int), len(flow)),
                    "next_year": np.repeat(years[year + 1].astype(int), len(flow)),
                    "origin": pl.Series(np.array(order)[origin], dtype=pl.Enum(order)),
                    "destination": pl.Series(np.array(order)[destination], dtype=pl.Enum(order)),
                    "count": flow / simulation.draws,
                }
            )
        )
    return pl.concat(parts).filter(pl.col("count") >= len(simulation.workers) / 1000)


def chart_careers(simulation: Simulation, *, careers: int = 60, shown: int = SHOWN, seed: int = 0) -> pl.DataFrame:
    """Columns path, year and title: careers drawn at random among all workers and paths.

    Args:
        simulation: W workers on D paths of the same K years.
        careers: How many careers to draw.
        shown: Groups of occupations that have a name of their own.
        seed: Seed of the draw.
    """
    order = [*main_groups(simulation, shown=shown), OTHERS]
    at = _places(simulation, order).reshape(-1, simulation.years.shape[1])
    chosen = np.random.default_rng(seed).choice(len(at), size=min(careers, len(at)), replace=False)
    years = common_years([simulation])
    return pl.DataFrame(
        {
            "path": np.repeat(np.arange(len(chosen)), len(years)),
            "year": np.tile(years.astype(int), len(chosen)),
            "title": pl.Series(np.array(order)[at[chosen].ravel()], dtype=pl.Enum(order)),
        }
    )


def _first(simulations: Simulation | Sequence[Simulation]) -> Simulation:
    """The one whose main groups are shown, so that a group has one colour in all charts."""
    return simulations if isinstance(simulations, Simulation) else simulations[0]


def _places(simulation: Simulation, order: list[str]) -> NDArray[np.intp]:
    """The place in `order` of the group of each occupation drawn, (W, D, K)."""
    place = {group: at for at, group in enumerate(order)}
    of_occupation = np.array([place.get(group, len(order) - 1) for group in simulation.taxonomy.groups])
    return np.asarray(of_occupation[simulation.occupation], dtype=np.intp)


def _named(column: str, order: list[str]) -> pl.Expr:
    known = pl.when(pl.col(column).is_in(order)).then(column).otherwise(pl.lit(OTHERS))
    return known.cast(pl.Enum(order)).alias(column)
