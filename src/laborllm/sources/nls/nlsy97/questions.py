"""Which questions of the NLSY97 the panel is made of, and where an extract has them.

The list is `questions.csv`, put together from the NLSY97 codebook, its Appendix 6 (employment event histories) and the
topical guide on employment of the NLS Investigator's documentation (https://www.nlsinfo.org/content/cohorts/nlsy97).
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product

import polars as pl

from laborllm.errors import SourceError
from laborllm.sources.formats.values import rows
from laborllm.sources.nls.investigator import KEY, Extract

PERSON = "PUBID"
FIRST_ROUND = 1997
ACROSS_ROUNDS = "XRND"
LAST_ROUND = 2100
WEEKS = 52
MOST_JOBS = 20  # that a round lists of a person
SHOWN = 3  # questions that an error names


@dataclass(frozen=True)
class Question:
    """A question of the survey.

    Attributes:
        name: What it is called here.
        names: What the Investigator calls it, the usual name first; the round, job, year and week stand in braces.
        asked: In "1997", "every round", or of "every job" or "every week" in every round.
        needed: Whether there is no panel without it.
        holds: What the answers are.
    """

    name: str
    names: tuple[str, ...]
    asked: str
    needed: bool
    holds: str

    def column(self, extract: Extract, year: int, *, job: int = 0, week: int = 0) -> str | None:
        """Find the column of an extract that has the answers about a survey year.

        Args:
            extract: The data.
            year: The survey year.
            job: Number of the job, for a question asked of every job.
            week: Number of the week of that year, for a question asked of every week.

        Returns:
            The column; None if the extract has none.

        Raises:
            SourceError: A column with decimals, which no question of the NLSY97 here has.
        """
        round = ACROSS_ROUNDS if week else str(year)
        found = (extract.reference(name, round) for name in self.named(year, job=job, week=week))
        column = next((reference for reference in found if reference), None)
        if column is not None and extract.values[column].dtype != pl.Int64:
            where = rows(int((extract.values[column] % 1 != 0).sum()))
            name = self.named(year, job=job, week=week)[0]
            raise SourceError(f"{name} ({column}) has decimals, in {where}: download it again")
        return column

    def places(self, rounds: Iterable[int]) -> Iterator[tuple[int, int, int]]:
        """Year, job and week of each variable it makes up; job and week are zero where it is not of one."""
        years = [FIRST_ROUND] if self.asked == str(FIRST_ROUND) else rounds
        jobs = range(1, MOST_JOBS + 1) if self.asked == "every job" else [0]
        weeks = range(1, WEEKS + 1) if self.asked == "every week" else [0]
        return product(years, jobs, weeks)

    def named(self, year: int, *, job: int = 0, week: int = 0) -> list[str]:
        """The names that the Investigator may have for a question, with round, job and week filled in.

        Args:
            year: The survey year.
            job: Number of the job, for a question asked of every job.
            week: Number of the week, for a question asked of every week.

        Returns:
            The names, the usual one first.
        """
        academic = f"{year % 100:02}{(year + 1) % 100:02}"
        return [name.format(year=year, academic=academic, job=f"{job:02}", week=f"{week:02}") for name in self.names]


@cache
def questions() -> dict[str, Question]:
    """All questions, by what they are called here."""
    text = (files("laborllm.sources.nls.nlsy97") / "questions.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        row["name"]: Question(
            row["name"],
            (row["question"], *row["alternatives"].split()),
            row["asked"],
            row["needed"] == "yes",
            row["holds"],
        )
        for row in rows
    }


def select_questions(extract: Extract, names: Iterable[str], year: int, *, job: int = 0) -> pl.DataFrame:
    """The answers of all people to questions of one survey year.

    Args:
        extract: The data.
        names: Names of questions, as `questions.csv` has them.
        year: The survey year.
        job: Number of the job, for questions asked of every job.

    Returns:
        Columns person, year and one per question: missing codes left in, null where the extract does not have it.
    """
    columns = {name: questions()[name].column(extract, year, job=job) for name in names}
    found = {name: (pl.col(at) if at else pl.lit(None)).cast(pl.Int64) for name, at in columns.items()}
    return extract.values.select(pl.col(KEY).alias("person"), pl.lit(year, pl.Int64).alias("year"), **found)


def require_rounds(extract: Extract) -> list[int]:
    """The survey years that the extract is of, in order.

    Raises `SourceError` if it is of another survey, has no round, or lacks a needed question of one it has.
    """
    _require_cohort(extract)
    rounds = [year for year in range(FIRST_ROUND, LAST_ROUND) if any(_asked_in(extract, year))]
    missing = list(_missing(extract, rounds))
    if not rounds or missing:
        lacks = f"lacks {', '.join(missing[:SHOWN])}" if missing else "has no question of any survey round"
        more = f" and {len(missing) - SHOWN:,} more" if len(missing) > SHOWN else ""
        raise SourceError(
            f"the extract {lacks}{more}", hint="'laborllm import nlsy97 --questions' lists what is needed"
        )
    return rounds


def _require_cohort(extract: Extract) -> None:
    known = {variable.question for variable in extract.variables.values()} - {""}
    if not known:
        raise SourceError("no document says which question a column is: give the codebook (.cdb) of the extract too")
    person = extract.variables[KEY].question
    if person and person != PERSON:
        raise SourceError(f"the extract is of another survey: it numbers people by {person}, the NLSY97 by {PERSON}")


def _asked_in(extract: Extract, year: int) -> Iterator[bool]:
    for question in questions().values():
        if question.asked in ("every round", "every job"):
            yield question.column(extract, year, job=1) is not None


def _missing(extract: Extract, rounds: list[int]) -> Iterator[str]:
    """The needed questions that are not there, as the Investigator calls them."""
    for question in questions().values():
        for year, job, week in question.places(rounds) if question.needed else ():
            if job <= 1 and question.column(extract, year, job=job, week=week) is None:
                yield f"{question.named(year, job=job, week=week)[0]} of {year}"
