"""What age, time, education, gender, ethnicity and region do to the odds of occupations and states."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.sources.synthetic.parameters import (
    EDUCATION,
    ETHNICITIES,
    GENDERS,
    MIDDLE_AGE,
    MIDDLE_YEAR,
    REGIONS,
    DgpParameters,
    StateOdds,
)

Floats = NDArray[np.floating]

LEANINGS = ("popularity", "schooling", "women", "older", "growing", *ETHNICITIES, *REGIONS)
"""What an occupation has a number of its own for."""

SPREAD = 1.3  # of the levels of education that occupations ask for, around the middle one


def covariates(people: pl.DataFrame, age: Floats) -> Floats:
    """(n, C) float32: an indicator of each value of education, gender, ethnicity and region; age and time in tens."""
    values = {"education": EDUCATION, "gender": GENDERS, "ethnicity": ETHNICITIES, "region": REGIONS}
    columns = [_is(people[name], value) for name, of in values.items() for value in of]
    time = (people["year"].to_numpy() - MIDDLE_YEAR) / 10
    return np.column_stack([*columns, age, time]).astype(np.float32)


def effects(leanings: Mapping[str, Floats], parameters: DgpParameters) -> Floats:
    """What each covariate adds to the log-odds of each occupation.

    Args:
        leanings: Name of a leaning -> a number for each occupation, (J,).
        parameters: Of the data-generating process.

    Returns:
        (C, J) float32, in the order of `covariates`.
    """
    middle = (len(EDUCATION) - 1) / 2
    asked = np.clip(middle + SPREAD * leanings["schooling"], 0, len(EDUCATION) - 1)
    rows = [-parameters.schooling * (level - asked) ** 2 for level in range(len(EDUCATION))]
    rows += [sign * parameters.women / 2 * leanings["women"] for sign in (1, -1)]  # female, male
    rows += [parameters.ethnic * leanings[ethnicity] for ethnicity in ETHNICITIES]
    rows += [parameters.regional * leanings[region] for region in REGIONS]
    rows += [parameters.older * leanings["older"], parameters.growing * leanings["growing"]]
    return np.array(rows, np.float32)


def tens_over_30(people: pl.DataFrame) -> Floats:
    """Age in tens of years over 30, (n,) float32; zero where the birth year is missing."""
    age = people["year"].cast(pl.Float32) - people["birth_year"].cast(pl.Float32)
    return ((age - MIDDLE_AGE) / 10).fill_null(0).to_numpy()


def state_odds(state: StateOdds, people: pl.DataFrame, age: Floats, parameters: DgpParameters) -> Floats:
    """Odds of entering a state rather than any occupation.

    Args:
        state: The log-odds of the state.
        people: Covariates and year of n records.
        age: Tens of years over 30, (n,).
        parameters: Of the data-generating process.

    Returns:
        (n,) float32.
    """
    level = sum(number * _is(people["education"], value) for number, value in enumerate(EDUCATION))
    slump = np.cos(2 * np.pi * (people["year"].to_numpy() - parameters.slump_year) / parameters.cycle)
    log_odds = state.enter + state.by_age * age + state.by_age_squared * age**2 + state.by_education * level
    log_odds = log_odds + state.women * _is(people["gender"], "female") + state.slump * slump
    return np.exp(log_odds).astype(np.float32)


def _is(column: pl.Series, value: str) -> NDArray[np.bool_]:
    return (column == value).fill_null(False).to_numpy()
