"""NLSY79: 12,686 people born 1957-1964, from extracts of the NLS Investigator, one record per interview from 1979 on.

The occupation is the one of the current or most recent job at the interview (the CPS item, from 2002 on the first job),
in the Census codes of its time. People without work are unemployed, out of the labor force or in education where the
extract has the employment status recode, and "not working" or in education where it has not.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from laborllm.errors import SourceError
from laborllm.occupations import STATES, Crosswalk, Taxonomy, load_crosswalk, load_taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.panel.schema import COVARIATES
from laborllm.sources.covariates import CENSUS_REGIONS, SEXES, education_of_grade, named
from laborllm.sources.formats.values import rows
from laborllm.sources.mapping import EMPLOYED
from laborllm.sources.nls.investigator import KEY, MISSING, Extract, answers, load_shipped_list, read_extract
from laborllm.sources.nls.nlsy79_questions import (
    BIRTH_YEARS,
    CENTS,
    CENTURY,
    EMPLOYMENT_STATUS,
    ENROLLED,
    ETHNICITIES,
    HOUSEHOLD,
    KINDERGARTEN,
    NON_INTERVIEW,
    OCCUPATIONS,
    OUT,
    OWN_COLUMNS,
    ROUNDS,
    UNCODABLE,
    UNGRADED,
    VALID_SKIP,
    WEIGHT_UNITS,
    OccupationQuestion,
)
from laborllm.sources.row_counts import LEFT_OUT, answered, count_codes, coverage, finish_panel, first_reason, left_out


def import_nlsy79(files: Sequence[str | Path], *, seed: int = 0, split_by: str | None = None) -> Panel:
    """Import the NLSY79 from one extract, or several files of extracts joined by person.

    A row of the counts is a person in a round whose occupation the files have. Where the extract has them, the panel
    keeps the columns household (of 1978) and wage (hourly pay of the current or most recent job, in dollars).

    Args:
        files: What `read_extract` takes: data and documents, or the .zip with both.
        seed: Draws the split.
        split_by: Column whose values the split keeps whole; default: household where the extract has it, else worker.

    Returns:
        The panel.

    Raises:
        SourceError: Files that cannot be read, are of another cohort or have no occupation.
        PanelError: People that do not form a panel, or a split by a column that the extract lacks.

    Examples:
        >>> import laborllm as ll
        >>> ll.import_nlsy79(["extract.zip"]).save(Path("nlsy79.parquet"))  # doctest: +SKIP
    """
    extract = read_extract([Path(file) for file in files], load_shipped_list("nlsy79").variables)
    rounds = _rounds(extract)
    crosswalks = {name: load_crosswalk(name) for name in dict.fromkeys(asked.crosswalk for asked in OCCUPATIONS)}
    rows = _with_activity(pl.concat([_round(extract, year) for year in rounds]))
    taxonomy = load_taxonomy("occ1990dd").with_states(_states(rows))
    codes = count_codes(rows.filter(pl.col("activity") == EMPLOYED, pl.col("code") != UNCODABLE)["code"])
    targets = _targets(codes, crosswalks, taxonomy)
    rows = _with_occupation(rows, targets)
    provenance = Provenance(
        source="nlsy79",
        files=dict(extract.files),
        rows_in=rows.height,
        left_out=left_out(rows),
        notes={**extract.notes, **_absent(rows), **coverage(codes, targets, crosswalks.values())},
    )
    records = rows.filter(pl.col(LEFT_OUT).is_null()).select(
        *("worker", "year", "occupation", *COVARIATES, "weight"), *answered(rows, OWN_COLUMNS)
    )
    weighted = "sampling" if extract.rounds("SAMPWEIGHT") else "none"
    return finish_panel(records, provenance, taxonomy, "NLSY79", seed=seed, weight_kind=weighted, split_by=split_by)


def _rounds(extract: Extract) -> list[int]:
    """The rounds whose occupation is in the extract. Raises `SourceError` if it is none, or of another cohort."""
    person = extract.variables[KEY].question
    if person not in ("", "CASEID"):
        raise SourceError(f"{KEY} is {person} here: this is an extract of another cohort than the NLSY79")
    rounds = [year for year in ROUNDS if _asked(extract, year)]
    if not rounds:
        wanted = ", ".join(f"{asked.name} ({asked.first}-{asked.last})" for asked in OCCUPATIONS)
        raise SourceError(
            f"the extract has no occupation: add {wanted}", hint="'laborllm import nlsy79 --tagset' lists all"
        )
    return rounds


def _asked(extract: Extract, year: int) -> list[tuple[OccupationQuestion, str]]:
    """The questions on the occupation in a round, and their columns."""
    asked = [question for question in OCCUPATIONS if question.first <= year <= question.last]
    columns = [(question, _column(extract, year, question.name)) for question in asked]
    return [(question, column) for question, column in columns if column]


def _round(extract: Extract, year: int) -> pl.DataFrame:
    """One row per person: answers of this round, and of the first about who she is. Null is no answer.

    code: the occupation with its crosswalk before it, as "census1980 276". why: the missing code where there is none.
    """
    asked = _asked(extract, year)
    short = f"{year % 100:02d}"
    answer = partial(_answer, extract)
    return extract.values.select(
        pl.col(KEY).cast(pl.String).alias("worker"),
        pl.lit(year, pl.Int16).alias("year"),
        pl.coalesce(*(_code(question, column) for question, column in asked)).alias("code"),
        pl.coalesce(*(_no_code(question, column) for question, column in asked)).alias("why"),
        pl.coalesce(
            answer(year, name, known=words).replace_strict(words, return_dtype=pl.String)
            for name, words in EMPLOYMENT_STATUS.items()
        ).alias("status"),
        answer(year, "WKSWK-PCY").alias("weeks"),
        answer(year, f"ENROLLMTREV{short}", "ENROLLMT").is_in(ENROLLED).alias("enrolled"),
        education_of_grade(_grade(answer(year, f"HGCREV{short}", "HGC"))).alias("education"),
        answer(1979, "SAMPLE_SEX", known=SEXES).alias("gender"),
        answer("78SCRN", "SAMPLE_RACE", known=ETHNICITIES).alias("ethnicity"),
        answer(year, "REGION", known=CENSUS_REGIONS).alias("region"),
        (answer(1979, "Q1-3_A~Y", known=BIRTH_YEARS) + CENTURY).alias("birth_year"),
        (answer(year, "SAMPWEIGHT") / WEIGHT_UNITS).alias("weight"),
        _household(extract).alias("household"),
        (answer(year, "HRP1") / CENTS).alias("wage"),
    ).with_columns(named("gender", SEXES), named("ethnicity", ETHNICITIES), named("region", CENSUS_REGIONS))


def _household(extract: Extract) -> pl.Expr:
    """The number of the household of 1978; null for all if the extract does not have it."""
    return answers(HOUSEHOLD) if HOUSEHOLD in extract.values.columns else pl.lit(None, pl.Int64)


def _answer(extract: Extract, round: int | str, *questions: str, known: Collection[int] = ()) -> pl.Expr:
    """The answer to the first of the questions that is in the extract; null for all if none is.

    Raises `SourceError` for an answer that is not one of those `known`, if they are.
    """
    for question in questions:
        column = _column(extract, round, question)
        if column is not None:
            _require_known(extract.values.select(answers(column)).to_series(), f"{question} of {round}", known)
            return answers(column)
    return pl.lit(None, pl.Int64)


def _column(extract: Extract, round: int | str, question: str) -> str | None:
    """The column of a question. Raises `SourceError` if it has decimals, for no question of the NLSY79 here has."""
    column = extract.reference(question, str(round))
    if column is not None and extract.values[column].dtype != pl.Int64:
        found = rows(int((extract.values[column] % 1 != 0).sum()))
        raise SourceError(f"{question} of {round} ({column}) has decimals, in {found}: download the file again")
    return column


def _require_known(found: pl.Series, what: str, known: Collection[int]) -> None:
    unknown = sorted(set(found.drop_nulls()) - set(known)) if known else []
    if unknown:
        where, right = rows(int(found.is_in(unknown).sum())), ", ".join(map(str, known))
        message = f"{what} has an answer that it cannot have, in {where}; it can be {right}"
        raise SourceError(message, cells=str(unknown[0]))


def _code(question: OccupationQuestion, column: str) -> pl.Expr:
    code = (pl.col(column) * question.times).cast(pl.String)
    named = (pl.col(column) >= 0) & ~pl.col(column).is_in(question.no_job)
    return pl.when(named).then(pl.lit(f"{question.crosswalk} ") + code)


def _no_code(question: OccupationQuestion, column: str) -> pl.Expr:
    """The missing code; a code that says that there was no job is a valid skip."""
    return pl.when(pl.col(column).is_in(question.no_job)).then(VALID_SKIP).when(pl.col(column) < 0).then(column)


def _grade(grade: pl.Expr) -> pl.Expr:
    """Years of school; a school without grades is no answer."""
    return pl.when(grade.is_in(KINDERGARTEN)).then(0).when(grade != UNGRADED).then(grade)


def _with_activity(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `activity`: employed, military, a state, or null where no answer says.

    Without the employment status recode, people without a job, and those who did not work a week of the year before the
    interview whatever job they name, are in education or not working.
    """
    enrolled = pl.col("enrolled").fill_null(False)
    idle = (pl.col("weeks") == 0).fill_null(False) | (pl.col("why") == VALID_SKIP) & pl.col("code").is_null()
    by_job = (
        pl.when(idle)
        .then(pl.when(enrolled).then(pl.lit("in_education")).otherwise(pl.lit("not_working")))
        .when(pl.col("code").is_not_null())
        .then(pl.lit(EMPLOYED))
    )
    by_status = pl.when((pl.col("status") == OUT) & enrolled).then(pl.lit("in_education")).otherwise("status")
    return rows.with_columns(pl.coalesce(by_status, by_job).alias("activity"))


def _states(rows: pl.DataFrame) -> list[str]:
    """The states that the extract distinguishes, in the order of `STATES`."""
    recoded = rows["status"].is_not_null().any()
    known = {"in_education", *(("unemployed", OUT) if recoded else ("not_working",)), *rows["activity"].drop_nulls()}
    return [state for state in STATES if state in known]


def _targets(codes: Iterable[str], crosswalks: Mapping[str, Crosswalk], taxonomy: Taxonomy) -> dict[str, str]:
    """Code with its crosswalk before it -> taxonomy code, for the codes that have one."""
    targets = {code: crosswalks[code.partition(" ")[0]](code.partition(" ")[2]) for code in codes}
    return {code: target for code, target in targets.items() if target is not None and target in taxonomy.position}


def _with_occupation(rows: pl.DataFrame, targets: Mapping[str, str]) -> pl.DataFrame:
    """Add `occupation`, and to rows without one the reason."""
    works = pl.col("activity") == EMPLOYED
    target = pl.col("code").replace_strict(dict(targets), default=None, return_dtype=pl.String)
    rows = rows.with_columns(pl.when(works).then(target).otherwise("activity").alias("occupation"))
    without = pl.col("code").is_null() & (works | pl.col("activity").is_null())
    unanswered = {code: name for code, name in MISSING.items() if code != NON_INTERVIEW}
    rows = rows.with_columns(pl.when(works).then("wage").alias("wage"))
    return rows.with_columns(
        first_reason(
            (pl.col("code").is_null() & pl.col("why").is_null(), "person not in the file of the round"),
            (pl.col("code").is_null() & (pl.col("why") == NON_INTERVIEW), "not interviewed"),
            *((without & (pl.col("why") == code), f"occupation: {name}") for code, name in unanswered.items()),
            (works & (pl.col("code") == UNCODABLE), "occupation uncodable"),
            (pl.col("occupation").is_null(), "occupation code not in taxonomy"),
        )
    )


def _absent(rows: pl.DataFrame) -> dict[str, str]:
    """A note on what no one answered, because the extract lacks the question."""
    optional = {"status": "employment status recode", "weeks": "weeks worked", "enrolled": "enrolment"}
    columns = [*optional, *COVARIATES, "weight"]
    absent = [optional.get(name, name) for name in columns if rows[name].null_count() == rows.height]
    return {"not in the extract": ", ".join(absent)} if absent else {}
