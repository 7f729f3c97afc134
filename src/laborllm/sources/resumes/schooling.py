"""Levels of education, as degrees are written, and which of them a worker had reached by a year."""

import polars as pl

from laborllm.sources.formats.values import SHOWN, rows
from laborllm.sources.resumes.dates import DateOrder, read_dates
from laborllm.sources.spellings import panel_words

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
    """The level of education that a text names: by a common spelling of it, or a word within it; null for none."""
    text = pl.col(column).str.to_lowercase()
    found = [pl.when(text.str.contains(words)).then(pl.lit(name)) for words, name in LEVELS.items()]
    return pl.coalesce(panel_words(column, "education"), *found)


def level_notes(written: pl.LazyFrame) -> dict[str, str]:
    """Say what was read as which level, and what as none.

    Args:
        written: The column text, a row per job or school.

    Returns:
        The notes `education read` and `education not read`, the most frequent texts first; none where all texts are
        levels.
    """
    counted = written.group_by("text").len("rows").collect(engine="streaming").with_columns(level=level("text"))
    counted = counted.filter(pl.col("text").ne_missing(pl.col("level"))).sort("rows", "text", descending=[True, False])
    read, unread = counted.drop_nulls("level"), counted.filter(pl.col("level").is_null())
    notes = {
        "education read": [f"{text!r} as {word!r} ({rows(n)})" for text, n, word in read.head(SHOWN).iter_rows()],
        "education not read": [f"{text!r} ({rows(n)})" for text, n, _ in unread.head(SHOWN).iter_rows()],
    }
    more = {"education read": read.height - SHOWN, "education not read": unread.height - SHOWN}
    return {
        name: ", ".join(shown) + (f" and {more[name]:,} more" if more[name] > 0 else "")
        for name, shown in notes.items()
        if shown
    }


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
