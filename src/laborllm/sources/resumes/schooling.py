"""Levels of education, as degrees are written, and which of them a worker had reached by a year."""

import polars as pl

from laborllm.sources.resumes.dates import DateOrder, read_dates

LEVELS = {
    r"ph\.?d|doctor|master|m\.?b\.?a|m\.?sc|\bm\.?[as]\b|\bj\.?d\b|\bm\.?d\b|graduate degree": "graduate degree",
    r"bachelor|\bb\.?[as]\b|b\.?sc|^college$|university degree": "college",
    r"associate|\ba\.?[as]\b|some college": "some college",
    r"less than high school": "less than high school",
    r"high school|secondary|diploma|\bged\b": "high school",
}
"""What is written of a degree, the highest first -> the level that the NLSY panels use."""
ORDER = ("less than high school", "high school", "some college", "college", "graduate degree")


def level(column: str) -> pl.Expr:
    """The level of education that a text names, or null."""
    text = pl.col(column).str.to_lowercase()
    return pl.coalesce([pl.when(text.str.contains(words)).then(pl.lit(name)) for words, name in LEVELS.items()])


def attained(records: pl.DataFrame, schooling: pl.DataFrame, order: DateOrder | None = None) -> pl.Series:
    """The highest level of the schools that a worker had ended by the year of each record.

    Args:
        records: Columns worker and year, (n,) rows.
        schooling: Columns worker, level and ended, a row per school, as text.
        order: What comes first in a date such as 03/04/2014.

    Returns:
        The level of each record, (n,), null where no school had ended.
    """
    _, ended = read_dates(schooling["ended"], order)
    reached = schooling.select("worker", ended.dt.year().cast(pl.Int16).alias("year"), level("level").alias("l"))
    ranks = {name: rank for rank, name in enumerate(ORDER)}
    levels = reached.drop_nulls().with_columns(pl.col("l").replace_strict(ranks, return_dtype=pl.Int8)).sort("year")
    highest = levels.with_columns(pl.col("l").cum_max().over("worker"))
    rows = records.with_row_index("row").sort("year")
    found = rows.join_asof(highest, on="year", by="worker", strategy="backward", check_sortedness=False).sort("row")
    return found["l"].replace_strict(dict(enumerate(ORDER)), return_dtype=pl.String).alias("education")
