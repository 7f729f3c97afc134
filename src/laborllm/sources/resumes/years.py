"""From dated jobs to years: the main job of a year is the one that fills most of its days.

Years between jobs stay empty: a resume does not say what happened then, so no state is made up.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from laborllm.panel.schema import YEARS
from laborllm.sources.resumes.dates import DateOrder, both_ends, is_open_end, read_dates
from laborllm.sources.row_counts import LEFT_OUT, first_reason

UNREADABLE = "date unreadable"
SHOWN, LONGEST = 5, 24  # examples that a note shows, and their letters
REMEMBERED = 1_000  # examples that are kept on the way


@dataclass(frozen=True)
class DateRules:
    """How the dates of jobs are read.

    Attributes:
        as_of: The day on which running jobs are taken to continue, and after which nothing is known.
        open_ends: Texts that stand for an open end, in addition to the usual ones.
        order: What comes first in a date such as 03/04/2014; None: such a date is not read.
    """

    as_of: date
    open_ends: Collection[str] = ()
    order: DateOrder | None = None


@dataclass
class DatesSeen:
    """What was made of the dates: jobs without an end; texts of ends after `as_of`, and of dates that are none."""

    open_ends: int = 0
    late_ends: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)

    def add(self, open_ends: int, late_ends: Iterable[str], unreadable: Iterable[str]) -> None:
        """Count the dates of another part of the jobs. Of rare texts only the most frequent are remembered.

        Args:
            open_ends: How many jobs have no end.
            late_ends: Texts of ends after `as_of`.
            unreadable: Texts of dates that are none.
        """
        self.open_ends += open_ends
        for counter, texts in ((self.late_ends, late_ends), (self.unreadable, unreadable)):
            counter.update(text[:LONGEST] for text in texts)
            for text, _ in counter.most_common()[REMEMBERED:]:
                del counter[text]

    def notes(self, rules: DateRules, why: str) -> dict[str, str]:
        """The notes of a panel on its dates: how many, and the texts with their counts.

        Args:
            rules: How the dates were read.
            why: Where `as_of` is from.

        Returns:
            Name of each note -> its text; none where nothing is to be said.
        """
        notes = {}
        if self.open_ends:
            notes["jobs without an end"] = f"{self.open_ends:,}, taken to continue to {rules.as_of}, {why}"
        if self.late_ends:
            notes["ends in the future"] = f"{_examples(self.late_ends)}: taken to continue to {rules.as_of}"
        if self.unreadable:
            notes["dates unreadable"] = _examples(self.unreadable)
        return notes


def years_of(jobs: pl.DataFrame, rules: DateRules, seen: DatesSeen | None = None) -> pl.DataFrame:
    """Spread dated jobs over the years that they have days in.

    Args:
        jobs: A row per job, as text.
        rules: How the dates are read.
        seen: Counts of dates, which those of `jobs` are added to.

    Returns:
        One row per job and year: worker, year, title, education, birth_year, left_out. left_out is null for the main
        job of the worker's year: the one with most days, of these the one that started last, of these the first by
        title. A job whose dates cannot be used is one row without a year.
    """
    dated = _with_dates(jobs, rules, seen or DatesSeen())
    spread = dated.filter(pl.col(LEFT_OUT).is_null()).with_columns(
        pl.int_ranges(pl.col("first").dt.year(), pl.col("last").dt.year() + 1, dtype=pl.Int16).alias("year")
    )
    yearly = _mark_main(spread.explode("year"))
    kept = ("worker", "year", "title", "education", pl.col("born").alias("birth_year"), LEFT_OUT)
    unused = dated.filter(pl.col(LEFT_OUT).is_not_null()).with_columns(pl.lit(None, pl.Int16).alias("year"))
    return pl.concat([yearly.select(kept), unused.select(kept)])


def _with_dates(jobs: pl.DataFrame, rules: DateRules, seen: DatesSeen) -> pl.DataFrame:
    """Add first, last and born, and the reason for every job that cannot be used to `left_out`."""
    jobs = _with_ends_apart(jobs)
    first, _ = read_dates(jobs["start"], rules.order)
    _, written = read_dates(jobs["end"], rules.order)
    born, _ = read_dates(jobs["birth_year"], rules.order)
    is_open = _open_ends(jobs["end"], rules)
    ended = pl.select(pl.when(is_open).then(pl.lit(rules.as_of)).otherwise(written)).to_series()
    dated = jobs.with_columns(first=first, ended=ended, born=born.dt.year().cast(pl.Int16))
    late = pl.col("ended") > rules.as_of
    dated = dated.with_columns(last=pl.when(late).then(pl.lit(rules.as_of)).otherwise("ended"))
    unread = [*jobs["start"].filter(first.is_null()).drop_nulls(), *jobs["end"].filter(ended.is_null())]
    seen.add(int(is_open.sum()), dated.filter(late)["end"], unread)
    return dated.with_columns(_unusable(rules))


def _with_ends_apart(jobs: pl.DataFrame) -> pl.DataFrame:
    """Jobs whose beginning and end stand in the cell of the start, as in "2014 - present", get an end of their own."""
    alone = jobs.filter(pl.col("end").is_null())["start"].drop_nulls().unique()
    pairs = {text: ends for text in alone if (ends := both_ends(text))}
    if not pairs:
        return jobs
    start, end = (
        pl.col("start").replace_strict(list(pairs), list(of), default=None, return_dtype=pl.String)
        for of in zip(*pairs.values(), strict=True)
    )
    apart = pl.when(pl.col("end").is_null())
    return jobs.with_columns(start=pl.coalesce(apart.then(start), "start"), end=pl.coalesce("end", end))


def _open_ends(ends: pl.Series, rules: DateRules) -> pl.Series:
    own = {" ".join(text.lower().split()) for text in rules.open_ends}
    distinct = ends.drop_nulls().unique()
    opens = [text for text in distinct if is_open_end(text) or " ".join(text.lower().split()) in own]
    return ends.is_null() | ends.is_in(opens)


def _unusable(rules: DateRules) -> pl.Expr:
    known = pl.col("birth_year").is_not_null()
    return first_reason(
        (pl.col("worker").is_null(), "worker missing"),
        (pl.col("start").is_null(), "start missing"),
        (pl.col("first").is_null() | pl.col("last").is_null(), UNREADABLE),
        (pl.col("first") > rules.as_of, f"start after {rules.as_of}"),
        (pl.col("ended") < pl.col("first"), "end before start"),
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


def _examples(texts: Mapping[str, int]) -> str:
    """The most frequent texts with their counts, and how many more there are."""
    ordered = sorted(texts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = ", ".join(f"{text!r} ({count:,})" for text, count in ordered[:SHOWN])
    more = sum(count for _, count in ordered[SHOWN:])
    return f"{shown} and {more:,} more" if more else shown
