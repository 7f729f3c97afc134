"""The words of covariates that several sources share, so that one panel reads like another."""

from collections.abc import Mapping

import polars as pl

CENSUS_REGIONS = {1: "northeast", 2: "northcentral", 3: "south", 4: "west"}
SEXES = {1: "male", 2: "female"}


def education_of_grade(grade: pl.Expr) -> pl.Expr:
    """Highest grade completed, in years of school, as the five levels that the NLSY panels use."""
    return (
        pl.when(grade < 12)
        .then(pl.lit("less than high school"))
        .when(grade == 12)
        .then(pl.lit("high school"))
        .when(grade < 16)
        .then(pl.lit("some college"))
        .when(grade == 16)
        .then(pl.lit("college"))
        .when(grade > 16)
        .then(pl.lit("graduate degree"))
    )


def named(column: str, names: Mapping[int, str]) -> pl.Expr:
    """The words that stand for the numbers of a column; null for a number without one."""
    return pl.col(column).replace_strict(dict(names), default=None, return_dtype=pl.String)
