"""Who the workers are: what is fixed over a life, and what each survey round says of enrolment, degree and region."""

from collections.abc import Mapping, Sequence

import polars as pl

from laborllm.sources.covariates import CENSUS_REGIONS, SEXES, named
from laborllm.sources.nls.investigator import MISSING, Extract, answers
from laborllm.sources.nls.nlsy97.questions import FIRST_ROUND, select_questions

NOT_INTERVIEWED = next(code for code, name in MISSING.items() if name == "non-interview")
NEITHER_BLACK_NOR_HISPANIC = 4
ETHNICITIES = {1: "black or african american", 2: "hispanic", 3: "other", NEITHER_BLACK_NOR_HISPANIC: "white"}
RACES = {1: "white", 3: "other", 4: "asian or pacific islander", 5: "other"}
"""What KEY!RACE says of those who are neither Black nor Hispanic; without it they all count as white."""

DESIGN = ("household", "stratum", "psu")
"""Where in the sample a person is."""

LEVELS = ("less than high school", "high school", "some college", "college", "graduate degree")
DEGREE_LEVELS = {0: 0, 1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 4}
"""None, GED, diploma, associate, bachelor, master, PhD, professional degree -> place in `LEVELS`."""
ENROLMENT_LEVELS = {1: 0, 2: 1, 3: 1, 4: 2, 5: 2, 6: 3, 7: 4, 8: 0, 9: 2, 10: 2, 11: 3}
"""What the enrolment status implies: the lowest level that someone in it has."""
ENROLLED = (8, 9, 10, 11)
CENTS = 100  # a weight is written with two implied decimals


def read_people(extract: Extract) -> pl.DataFrame:
    """person, gender, ethnicity, birth_year, household, stratum, psu; one row per person."""
    asked = ("sex", "birth_year", "ethnicity", "race", *DESIGN)
    people = select_questions(extract, asked, FIRST_ROUND)
    neither = pl.col("ethnicity") == NEITHER_BLACK_NOR_HISPANIC
    of_neither = named("race", RACES).fill_null(ETHNICITIES[NEITHER_BLACK_NOR_HISPANIC])
    return people.select(
        "person",
        named("sex", SEXES).alias("gender"),
        pl.when(neither).then(of_neither).otherwise(named("ethnicity", ETHNICITIES)).alias("ethnicity"),
        answers("birth_year"),
        *map(answers, DESIGN),
    )


def read_rounds(extract: Extract, rounds: Sequence[int]) -> pl.DataFrame:
    """person, year, interviewed, enrolled, education, region, weight; one row per person and survey round.

    Education is the highest level reached by then, by degree or by what the enrolment status implies; a round that
    says nothing keeps the level of the one before.
    """
    asked = ("enrolment", "degree", "region", "weight")
    frame = pl.concat([select_questions(extract, asked, year) for year in rounds]).sort("person", "year")
    level = pl.max_horizontal(_level("degree", DEGREE_LEVELS), _level("enrolment", ENROLMENT_LEVELS))
    reached = level.cum_max().forward_fill().over("person")
    return frame.select(
        "person",
        "year",
        (pl.col("enrolment") != NOT_INTERVIEWED).fill_null(False).alias("interviewed"),
        pl.col("enrolment").is_in(ENROLLED).fill_null(False).alias("enrolled"),
        reached.replace_strict(dict(enumerate(LEVELS)), return_dtype=pl.String).alias("education"),
        named("region", CENSUS_REGIONS).alias("region"),
        (pl.when(pl.col("weight") >= 0).then("weight") / CENTS).alias("weight"),
    )


def _level(column: str, levels: Mapping[int, int]) -> pl.Expr:
    return pl.col(column).replace_strict(dict(levels), default=None, return_dtype=pl.Int64)
