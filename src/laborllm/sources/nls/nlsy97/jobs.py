"""The main job of a year: the one with the most hours in it.

Each survey round lists the jobs held since the round before: their employer, occupation, usual hours a week, start and
stop. A job that continues is in several rounds. Its weeks in a year run from its first start to its last stop; its
occupation, hours and pay are those of the first round, from that year on, that states them, or else of the last before.
"""

from collections.abc import Sequence

import polars as pl

from laborllm.errors import SourceError
from laborllm.panel.schema import YEARS
from laborllm.sources.nls.investigator import Extract, answers
from laborllm.sources.nls.nlsy97.questions import MOST_JOBS, questions, select_questions

IMPOSSIBLE = 0.01  # the share of jobs from which on impossible dates are no slips
CENTS = 100  # pay is written with two implied decimals
JOB = ["person", "employer"]


def read_jobs(extract: Extract, rounds: Sequence[int]) -> pl.DataFrame:
    """person, employer, year (of the round), job (its number in the round), hours, code, wage (dollars an hour), start,
    stop; one row per job and round. A month that is not known is taken so that the job is as long as it may be."""
    listed = pl.concat([_job(extract, year, job) for year in rounds for job in _numbers(extract, year)])
    start = pl.date(_within("start_year", *YEARS), _within("start_month", 1, 12).fill_null(1), 1)
    stop = pl.date(_within("stop_year", *YEARS), _within("stop_month", 1, 12).fill_null(12), 1).dt.month_end()
    code = pl.col("occupation").cast(pl.String)
    wage = pl.col("pay") / CENTS
    return listed.select(*JOB, "year", "job", "hours", code=code, wage=wage, start=start, stop=stop)


def drop_impossible(jobs: pl.DataFrame, people: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The jobs that do not stop before they start nor start before the birth of the worker, and how many do.

    Raises `SourceError` if they are more than a slip here and there.
    """
    born = jobs.join(people.select("person", "birth_year"), on="person", how="left", maintain_order="left")[
        "birth_year"
    ]
    early, backward = jobs["start"].dt.year() < born, jobs["stop"] < jobs["start"]
    for what, bad in (("stop before they start", backward), ("start before the worker is born", early)):
        count = int(bad.sum())
        if count > IMPOSSIBLE * jobs.height:
            first = jobs.filter(bad).row(0, named=True)
            raise SourceError(
                f"{count:,} of {jobs.height:,} jobs {what}, one of them listed as number {first['job']} in "
                f"{first['year']}: the columns YEMP_STARTDATE and YEMP_STOPDATE are not what they should be"
            )
    possible = ~(early | backward).fill_null(False)
    return jobs.filter(possible), int((~possible).sum())


def main_jobs(jobs: pl.DataFrame, years: Sequence[int]) -> pl.DataFrame:
    """Each person's job with the most hours in each year, of those with an occupation: person, year, code, wage.

    Between equal hours the job with more weeks is the main one, then the employer that was named first. A job whose
    hours a week are unknown comes last.
    """
    spells = jobs.group_by(JOB).agg(pl.col("start").min(), pl.col("stop").max())
    worked = spells.join(pl.DataFrame({"year": years}, {"year": pl.Int64}), how="cross")
    worked = worked.with_columns(days=_days_in_year()).filter(pl.col("days") > 0).sort("year")
    for stated in ("code", "hours", "wage"):
        worked = _with_stated(worked, jobs, stated)
    total = pl.col("days") / 7 * pl.col("hours")
    order = worked.drop_nulls("code").sort(
        total.fill_null(0), "days", "employer", descending=[True, True, False], maintain_order=True
    )
    return order.unique(["person", "year"], keep="first", maintain_order=True).select("person", "year", "code", "wage")


def _days_in_year() -> pl.Expr:
    """The days of a spell that lie in the year; none, or a negative number, where it lies outside."""
    first = pl.max_horizontal("start", pl.date("year", 1, 1))
    last = pl.min_horizontal("stop", pl.date("year", 12, 31))
    known = pl.col("start").is_not_null() & pl.col("stop").is_not_null()
    return pl.when(known).then((last - first).dt.total_days() + 1)


def _with_stated(worked: pl.DataFrame, jobs: pl.DataFrame, column: str) -> pl.DataFrame:
    """Add what the first round from each year on says of the job, or else the last round before."""
    stated = jobs.drop_nulls(column).select(*JOB, "year", column).sort("year", maintain_order=True)
    reports = stated.unique([*JOB, "year"], keep="first", maintain_order=True)
    later = worked.join_asof(reports, on="year", by=JOB, strategy="forward", check_sortedness=False)
    earlier = worked.join_asof(reports, on="year", by=JOB, strategy="backward", check_sortedness=False)
    return worked.with_columns(later[column].fill_null(earlier[column]))


def _numbers(extract: Extract, year: int) -> list[int]:
    """The jobs of a round that the extract has, by number."""
    employer = questions()["employer"]
    return [job for job in range(1, MOST_JOBS + 1) if employer.column(extract, year, job=job)]


def _job(extract: Extract, year: int, job: int) -> pl.DataFrame:
    """What the round says of each person's job of that number, null where it is not known."""
    names = [question.name for question in questions().values() if question.asked == "every job"]
    frame = select_questions(extract, names, year, job=job)
    return frame.select("person", "year", pl.lit(job).alias("job"), *map(answers, names)).drop_nulls("employer")


def _within(column: str, first: int, last: int) -> pl.Expr:
    return pl.when(pl.col(column).is_between(first, last)).then(column)
