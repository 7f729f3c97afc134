"""The weekly employment history: how many weeks of a year were spent in work, looking for it, and out of it.

An element of the array EMP_STATUS is the number of an employer or one of a few codes (NLSY97 codebook, Appendix 6):
0 nothing known; 1 no employer, not looking, with freelance work at some time of the gap; 2 not working, unknown whether
looking; 3 with an employer, gaps unknown; 4 unemployed; 5 out of the labor force; 6 active military service.
"""

from collections.abc import Iterable, Sequence

import polars as pl

from laborllm.sources.nls.investigator import KEY, Extract
from laborllm.sources.nls.nlsy97.questions import WEEKS, questions

UNDETERMINED = 2
LOOKING = 4
NOT_LOOKING = (1, 5)


def read_weeks(extract: Extract, years: Sequence[int]) -> pl.DataFrame:
    """person, year, and of the 52 weeks of that calendar year: looking, not_looking, not_working (both and those whose
    kind is unknown), unknown."""
    return pl.concat([_year(extract, year) for year in years])


def _year(extract: Extract, year: int) -> pl.DataFrame:
    week = questions()["week"]
    found = (week.column(extract, year, week=number) for number in range(1, WEEKS + 1))
    columns = [pl.col(column) for column in found if column]
    looking = _count(column == LOOKING for column in columns)
    not_looking = _count(column.is_in(NOT_LOOKING) for column in columns)
    undetermined = _count(column == UNDETERMINED for column in columns)
    return extract.values.select(
        pl.col(KEY).alias("person"),
        pl.lit(year, pl.Int64).alias("year"),
        looking.alias("looking"),
        not_looking.alias("not_looking"),
        (looking + not_looking + undetermined).alias("not_working"),
        _count(column.is_null() | (column <= 0) for column in columns).alias("unknown"),
    )


def _count(conditions: Iterable[pl.Expr]) -> pl.Expr:
    """In how many of the weeks a condition holds."""
    return pl.sum_horizontal(condition.fill_null(False).cast(pl.Int64) for condition in conditions)
