"""Modelled against observed rates: how many workers of an age are in each group of occupations, and in its interval."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.forecasting.backtests.origins import Futures, Origin
from laborllm.forecasting.backtests.scored import LEVELS
from laborllm.forecasting.central import Numbers, central_interval
from laborllm.forecasting.groups.common_error import ENOUGH, SHOWN
from laborllm.privacy import withhold

AGES = (25, 35, 45, 55)
"""Where a new age group begins."""
UNKNOWN = "age unknown"


def rates_at(origin: Origin, futures: Futures) -> pl.DataFrame:
    """origin, horizon, age, group, people, observed, expected, low and high, of one forecast at one origin.

    People are the workers of the age who were seen in the year; the interval is of what the futures hold. Numbers are
    null where the count of the group, at the origin or in the year, is withheld: some forecasts repeat the first.
    """
    parts = []
    for cells in _cells(origin, futures):
        low, high = cells.interval(SHOWN)
        columns = {"group": cells.groups, "people": cells.people, "observed": cells.observed}
        counts = pl.DataFrame(columns | {"expected": cells.expected, "low": low, "high": high})
        counts = counts.with_columns(pl.when(~pl.Series(cells.hidden)).then(pl.exclude("group")))
        where = (
            pl.lit(origin.year).alias("origin"),
            pl.lit(cells.horizon).alias("horizon"),
            pl.lit(cells.age).alias("age"),
        )
        parts.append(counts.select(*where, pl.all()))
    return pl.concat(parts)


def coverage_of(origin: Origin, futures: Futures) -> pl.DataFrame:
    """horizon, level, cells and held: how many counts with enough expected people there are, and lie in the central
    interval of the level."""
    rows = []
    for cells in _cells(origin, futures):
        enough = cells.expected >= ENOUGH
        for level in LEVELS:
            low, high = cells.interval(level)
            held = (low <= cells.observed) & (cells.observed <= high) & enough
            rows.append({"horizon": cells.horizon, "level": level, "cells": int(enough.sum()), "held": int(held.sum())})
    return pl.DataFrame(rows).group_by("horizon", "level", maintain_order=True).sum()


@dataclass(frozen=True)
class Cells:
    """Workers of one age in one year: the numbers of G groups of occupations.

    Attributes:
        horizon: Years since the origin.
        age: The age group.
        people: How many workers.
        groups: Names of the groups.
        observed: How many were in each, (G,).
        expected: How many were expected, (G,).
        drawn: How many each draw has, (D, G).
        hidden: Which numbers are withheld, (G,).
    """

    horizon: int
    age: str
    people: int
    groups: list[str]
    observed: NDArray[np.intp]
    expected: NDArray[np.float64]
    drawn: NDArray[np.intp]
    hidden: NDArray[np.bool_]

    def interval(self, level: float) -> tuple[Numbers, Numbers]:
        """The central interval of each count, (G,) each."""
        return central_interval(self.drawn, level)


def _cells(origin: Origin, futures: Futures) -> Iterator[Cells]:
    """The cells of every year and age that occurs in it."""
    taxonomy = origin.panel.taxonomy
    groups = list(dict.fromkeys(taxonomy.groups))
    cell = np.array([groups.index(group) for group in taxonomy.groups])
    age = _ages(origin)
    for year, calendar in enumerate(origin.years.tolist()):
        seen = origin.observed[:, year] < len(taxonomy)
        hidden = _hidden(age[seen], cell[origin.last[seen]], cell[origin.observed[seen, year]], len(groups))
        for name in dict.fromkeys(age[seen].tolist()):
            rows = np.flatnonzero(seen & (age == name))
            observed = np.bincount(cell[origin.observed[rows, year]], minlength=len(groups))
            total = futures.probability[rows, year].sum(axis=0).astype(np.float64)
            expected = np.bincount(cell, total, minlength=len(groups)).astype(np.float64)
            drawn = _counts(cell[futures.paths[rows, :, year]], len(groups))
            horizon = calendar - origin.year
            if futures.common_error is not None:
                ahead = np.array([float(horizon)])
                drawn = futures.common_error.spread(drawn[:, None], expected[None], ahead, len(rows), seed=0)[:, 0]
            yield Cells(horizon, name, len(rows), groups, observed, expected, drawn, hidden[name])


def _hidden(
    age: NDArray[np.str_], before: NDArray[np.intp], after: NDArray[np.intp], groups: int
) -> dict[str, NDArray[np.bool_]]:
    """Which groups of an age, (G,) each, may not be shown; before, after: the group of each worker, (n,)."""
    names, place = np.unique(age, return_inverse=True)
    everybody, worker = np.zeros(len(age), dtype=np.intp), np.arange(len(age))
    cells = [place * groups + before, place * groups + after]
    _, ages, *masks = withhold([everybody, place, *cells], worker, [0, 0, 1, 1])
    hidden = np.zeros(len(names) * groups, dtype=bool)
    for cell, mask in zip(cells, masks, strict=True):
        hidden[cell] |= mask[cell]  # where nobody is, zero is shown
    by_age = hidden.reshape(len(names), groups)
    return {str(name): by_age[at] | ages[at] for at, name in enumerate(names)}


def _ages(origin: Origin) -> NDArray[np.str_]:
    """The age group of each worker in the year of the origin, (W,)."""
    born = origin.panel.records.group_by("worker", maintain_order=True).agg(pl.col("birth_year").first())["birth_year"]
    names = [f"under {AGES[0]}", *(f"{low} to {high - 1}" for low, high in pairwise(AGES)), f"{AGES[-1]} and over"]
    number = [None if year is None else int(np.searchsorted(AGES, origin.year - year, "right")) for year in born]
    return np.array([UNKNOWN if at is None else names[at] for at in number])


def _counts(cell: NDArray[np.intp], cells: int) -> NDArray[np.intp]:
    """How many of the workers are in each cell in each draw, (D, C), from (W, D)."""
    draws = cell.shape[1]
    return np.bincount((np.arange(draws) * cells + cell).ravel(), minlength=draws * cells).reshape(draws, cells)
