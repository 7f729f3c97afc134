"""From dated jobs to years: the main job of a year is the one that fills most of its days.

Years between jobs stay empty: a resume does not say what happened then, so no state is made up.
"""

from datetime import date

import polars as pl

from laborllm.panel.schema import YEARS
from laborllm.sources.row_counts import LEFT_OUT, first_reason

DATE = r"^(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?(?:[T ].*)?$"
OPEN = ("present", "current", "now", "today", "ongoing")  # instead of the end of a job that goes on
LEVELS = {
    r"ph\.?d|doctor|master|m\.?b\.?a|m\.?sc|\bm\.?[as]\b|\bj\.?d\b|\bm\.?d\b|graduate degree": "graduate degree",
    r"bachelor|\bb\.?[as]\b|b\.?sc|^college$|university degree": "college",
    r"associate|\ba\.?[as]\b|some college": "some college",
    r"less than high school": "less than high school",
    r"high school|secondary|diploma|\bged\b": "high school",
}
"""What is written of a degree, the highest first -> the level that the NLSY panels use."""
ORDER = ("less than high school", "high school", "some college", "college", "graduate degree")


def last_date(rows: pl.LazyFrame) -> date | None:
    """The latest readable date of any job, which is how far the jobs without an end are taken to go on."""
    latest = rows.select(pl.max_horizontal(first_day("start").max(), last_day("end").max()))
    return latest.collect(engine="streaming").item()  # type: ignore[no-any-return]


def years_of(jobs: pl.DataFrame, until: date) -> pl.DataFrame:
    """One row per job and year with days of that job: worker, year, title, education, birth_year, left_out.

    left_out is null for the main job of the worker's year: the one with most days, of these the one that started last,
    of these the first by title. A job whose dates cannot be used is one row without a year.
    """
    dated = jobs.with_columns(
        first_day("start").alias("first"),
        pl.when(_is_open()).then(pl.lit(until)).otherwise(last_day("end")).alias("last"),
        pl.col("birth_year").cast(pl.Int16, strict=False).alias("born"),
    ).with_columns(_unusable())
    spread = dated.filter(pl.col(LEFT_OUT).is_null()).with_columns(
        pl.int_ranges(pl.col("first").dt.year(), pl.col("last").dt.year() + 1, dtype=pl.Int16).alias("year")
    )
    yearly = _mark_main(spread.explode("year"))
    kept = ("worker", "year", "title", "education", pl.col("born").alias("birth_year"), LEFT_OUT)
    unused = dated.filter(pl.col(LEFT_OUT).is_not_null()).with_columns(pl.lit(None, pl.Int16).alias("year"))
    return pl.concat([yearly.select(kept), unused.select(kept)])


def first_day(column: str) -> pl.Expr:
    """The first day of what is written: a day, a month or a year of ISO 8601. Null where it is none of them."""
    year, month, day = (pl.col(column).str.extract(DATE, group) for group in (1, 2, 3))
    return _day(year, month.fill_null("1"), day.fill_null("1"))


def last_day(column: str) -> pl.Expr:
    """The last day of what is written."""
    year, month, day = (pl.col(column).str.extract(DATE, group) for group in (1, 2, 3))
    end_of_month = _day(year, month.fill_null("12"), pl.lit("1")).dt.month_end()
    return pl.when(day.is_null()).then(end_of_month).otherwise(_day(year, month, day))


def level(column: str) -> pl.Expr:
    """The level of education that a text names, or null."""
    text = pl.col(column).str.to_lowercase()
    return pl.coalesce([pl.when(text.str.contains(words)).then(pl.lit(name)) for words, name in LEVELS.items()])


def attained(records: pl.DataFrame, schooling: pl.DataFrame) -> pl.Series:
    """The highest level of the schools that a worker had ended by the year of each record."""
    ended = schooling.select(
        "worker", last_day("ended").dt.year().cast(pl.Int16).alias("year"), level("level").alias("l")
    )
    ranks = {name: rank for rank, name in enumerate(ORDER)}
    levels = ended.drop_nulls().with_columns(pl.col("l").replace_strict(ranks, return_dtype=pl.Int8)).sort("year")
    highest = levels.with_columns(pl.col("l").cum_max().over("worker"))
    rows = records.with_row_index("row").sort("year")
    found = rows.join_asof(highest, on="year", by="worker", strategy="backward", check_sortedness=False).sort("row")
    return found["l"].replace_strict(dict(enumerate(ORDER)), return_dtype=pl.String).alias("education")


def _day(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    written = pl.concat_str(year, month.str.zfill(2), day.str.zfill(2), separator="-")
    found = written.str.to_date("%Y-%m-%d", strict=False)
    return pl.when(found.dt.year().is_between(*YEARS)).then(found)


def _is_open() -> pl.Expr:
    return pl.col("end").is_null() | pl.col("end").str.to_lowercase().is_in(OPEN)


def _unusable() -> pl.Expr:
    known = pl.col("birth_year").is_not_null()
    return first_reason(
        (pl.col("worker").is_null(), "worker missing"),
        (pl.col("start").is_null(), "start missing"),
        (pl.col("first").is_null() | pl.col("last").is_null(), "date unreadable"),
        (pl.col("last") < pl.col("first"), "end before start"),
        (known & ~pl.col("born").is_between(*YEARS).fill_null(False), "birth year unreadable"),
        (pl.col("first").dt.year() < pl.col("born"), "start before birth"),
        (pl.col("title").is_null(), "title missing"),
    )


def _mark_main(rows: pl.DataFrame) -> pl.DataFrame:
    begin, end = pl.date(pl.col("year"), 1, 1), pl.date(pl.col("year"), 12, 31)
    days = (pl.min_horizontal("last", end) - pl.max_horizontal("first", begin)).dt.total_days()
    best = rows.with_columns(days.alias("days")).sort(
        "worker", "year", "days", "first", "title", descending=[False, False, True, True, False]
    )
    again = (pl.col("worker") == pl.col("worker").shift()) & (pl.col("year") == pl.col("year").shift())
    return best.with_columns(first_reason((again.fill_null(False), "another job filled more of the year")))
