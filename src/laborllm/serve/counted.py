"""Where a group of people is by year, as whole people with a range; what is less than one person is pooled.

Many people of one career would tell of that career what no answer about it alone does, so that no group is counted more
finely than a hundredth of those whose careers are equal.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from laborllm.forecasting.frequencies import largest_remainders
from laborllm.forecasting.groups.common_error import CommonError
from laborllm.forecasting.groups.shares import group_shares
from laborllm.forecasting.simulation.result import Simulation
from laborllm.occupations.taxonomy import OTHERS, STATE_GROUP
from laborllm.serve.answers import OF, part_of
from laborllm.serve.inputs.careers import Worker
from laborllm.serve.schema.groups import Count, GroupYear, OneGroup

AT_WORK = "At work"


def count_groups(
    found: Simulation,
    workers: Sequence[Worker],
    labels: Sequence[str],
    top: int,
    common_error: CommonError | None = None,
) -> list[OneGroup]:
    """The years ahead of each group.

    Args:
        found: A simulation of W people in the same years.
        workers: The people, W.
        labels: The group of each, W.
        top: Occupations to name in each year.
        common_error: The error that all people of a group share: ranges hold it too.
    """
    at = {label: [place for place, name in enumerate(labels) if name == label] for label in dict.fromkeys(labels)}
    return [
        OneGroup(
            group=label,
            people=len(rows),
            years=list(_years(part_of(found, rows), top, parts_of([workers[row] for row in rows]), common_error)),
        )
        for label, rows in at.items()
    ]


def parts_of(workers: Sequence[Worker]) -> int:
    """In how many equal parts a group may be counted: people, or fewer parts where over a hundred careers are equal."""
    return OF * len(workers) // max(alike(workers), OF)


def alike(workers: Sequence[Worker]) -> int:
    """How many people of a group have the career that most of them have."""
    return max(Counter(worker.rows for worker in workers).values())


def what_ranges_hold(common_error: CommonError | None) -> str:
    """What the ranges of groups hold, by the names that the table of a group has."""
    return "draws" if common_error is None else "draws, common error"


def _years(found: Simulation, top: int, parts: int, common_error: CommonError | None) -> Iterator[GroupYear]:
    occupations, groups = (group_shares(found, major=major, common_error=common_error) for major in (False, True))
    work = group_shares(_work_or_not(found), major=True, common_error=common_error).filter(title=AT_WORK)
    for year in found.years[0].tolist():
        here = pl.col("year") == year
        yield GroupYear(
            year=year,
            at_work=_count(work.row(by_predicate=here, named=True), parts),
            occupations=_counts(occupations.filter(here), top, parts),
            groups=_counts(groups.filter(here), len(groups), parts),
        )


def _work_or_not(found: Simulation) -> Simulation:
    """Futures over a taxonomy of two groups: at work, and not."""
    groups = tuple(STATE_GROUP if group == STATE_GROUP else AT_WORK for group in found.taxonomy.groups)
    return replace(found, taxonomy=replace(found.taxonomy, groups=groups))


def _count(row: Mapping[str, Any], parts: int) -> Count:
    people = row["workers"]
    low, high = int(row["low"]) * parts // people, -(-int(row["high"]) * parts // people)
    return Count(
        title=row["title"],
        count=round(round(row["count"] * parts / people) * people / parts),
        low=low * people // parts,
        high=-(-high * people // parts),
    )


def _counts(table: pl.DataFrame, top: int, parts: int) -> list[Count]:
    """The most frequent places, and all others together: whole people, who add up to the group."""
    people = int(table["workers"][0])
    ordered = table.sort("count", descending=True, maintain_order=True)
    named = ordered.filter(pl.col("count") * parts >= people).head(top)
    expected = named["count"].to_numpy()
    shares = np.append(expected, max(people - expected.sum(), 0))
    *counts, rest = largest_remainders(largest_remainders(shares, parts).astype(np.float64), people).tolist()
    rows = zip(named.iter_rows(named=True), counts, strict=True)
    found = [_count(row, parts).model_copy(update={"count": count}) for row, count in rows]
    return [*found, Count(title=OTHERS, count=rest, low=None, high=None)] if rest else found
