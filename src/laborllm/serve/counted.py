"""Where a group of people is by year, as whole people with a range; what is less than one person is pooled."""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from laborllm.forecasting.central import central_interval
from laborllm.forecasting.frequencies import largest_remainders
from laborllm.forecasting.groups.shares import LEVEL, group_shares
from laborllm.forecasting.simulation.result import Simulation
from laborllm.occupations.taxonomy import OTHERS, STATE_GROUP
from laborllm.serve.answers import part_of
from laborllm.serve.schema import Count, GroupYear, OneGroup

AT_WORK = "At work"
LEAST = 1.0  # expected people below which a place is pooled


def count_groups(found: Simulation, labels: Sequence[str], top: int) -> list[OneGroup]:
    """The years ahead of each group.

    Args:
        found: A simulation of W people in the same years.
        labels: The group of each, W.
        top: Occupations to name in each year.
    """
    at = {label: [place for place, name in enumerate(labels) if name == label] for label in dict.fromkeys(labels)}
    return [
        OneGroup(group=label, people=len(rows), years=list(_years(part_of(found, rows), top)))
        for label, rows in at.items()
    ]


def _years(found: Simulation, top: int) -> Iterator[GroupYear]:
    occupations, groups = (group_shares(found, major=major) for major in (False, True))
    for place, year in enumerate(found.years[0].tolist()):
        here = pl.col("year") == year
        yield GroupYear(
            year=year,
            at_work=_at_work(found, place),
            occupations=_counts(occupations.filter(here), top),
            groups=_counts(groups.filter(here), len(groups)),
        )


def _counts(table: pl.DataFrame, top: int) -> list[Count]:
    """The most frequent places, and all others together: whole people, who add up to the group."""
    ordered = table.sort("count", descending=True, maintain_order=True)
    named = ordered.filter(pl.col("count") >= LEAST).head(top)
    people = int(table["workers"][0])
    expected = named["count"].to_numpy()
    *counts, rest = largest_remainders(np.append(expected, max(people - expected.sum(), 0)), people).tolist()
    rows = zip(named.select("title", "low", "high").iter_rows(), counts, strict=True)
    found = [Count(title=title, count=count, low=int(low), high=int(high)) for (title, low, high), count in rows]
    return [*found, Count(title=OTHERS, count=rest, low=None, high=None)] if rest else found


def _at_work(found: Simulation, place: int) -> Count:
    """How many have a job in a year."""
    is_job = np.array([group != STATE_GROUP for group in found.taxonomy.groups])
    expected = float(found.probability[:, place, is_job].sum())
    drawn = is_job[found.occupation[:, :, place]].sum(axis=0)  # (D,)
    low, high = central_interval(drawn, LEVEL)
    return Count(title=AT_WORK, count=round(expected), low=int(low), high=int(high))
