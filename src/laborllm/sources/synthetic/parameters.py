"""The parameters of synthetic careers: every number of the survey, of staying and of moving."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

EDUCATION = ("less than high school", "high school", "some college", "college", "graduate degree")
GENDERS = ("female", "male")
ETHNICITIES = ("white", "black or african american", "hispanic", "asian or pacific islander")
REGIONS = ("northeast", "northcentral", "south", "west")
MIDDLE_AGE = 30
MIDDLE_YEAR = 2010


@dataclass(frozen=True)
class StateOdds:
    """A state without a job: log-odds of entering it rather than any occupation, and of staying in it another year.

    Attributes:
        enter: Of entering, at age 30.
        by_age: What ten more years of age add to entering.
        by_age_squared: What their square adds.
        by_education: What each of five levels above the lowest adds.
        women: What being a woman adds.
        slump: What the worst year of the business cycle adds; the best takes it away.
        stay: Of staying, at age 30.
        stay_by_age: What ten more years of age add to staying.
    """

    enter: float
    by_age: float = 0.0
    by_age_squared: float = 0.0
    by_education: float = 0.0
    women: float = 0.0
    slump: float = 0.0
    stay: float = 0.0
    stay_by_age: float = 0.0


STATE_ODDS = {
    "unemployed": StateOdds(-1.0, by_age=-0.1, by_education=-0.2, slump=0.5, stay=-1.2),
    "not_in_labor_force": StateOdds(
        -1.6, by_age_squared=0.2, by_education=-0.1, women=0.7, slump=0.1, stay=0.4, stay_by_age=0.2
    ),
    "in_education": StateOdds(-2.2, by_age=-2.0, slump=0.2, stay=-0.7, stay_by_age=-1.0),
    "not_working": StateOdds(
        -0.6, by_age_squared=0.2, by_education=-0.2, women=0.5, slump=0.3, stay=0.1, stay_by_age=0.3
    ),
}


@dataclass(frozen=True)
class DgpParameters:
    """Everything that decides how synthetic careers run, but for the taxonomy.

    The survey. Interviews are yearly from first_year and every second year after yearly_until, up to last_year, of
    people born in birth_years while they are of an age in ages. missed: chance that an interview does not take place;
    attrition: that a worker never answers again; unknown: that education or region is not recorded; relocation: that
    a worker moves to another region between two interviews. education, ethnicity, region: shares of people, by the
    highest level they will reach and by the order of `EDUCATION`, `ETHNICITIES`, `REGIONS`.

    Staying in an occupation one more year, in log-odds: stay at age 30 in the first year, stay_tenure for each unit of
    log(1 + years in it), stay_by_age for each ten years of age. Who is not asked for g years stays with the chance of
    one year to the power of g.

    Moving, in log-odds of one occupation against another: same_group where the last job has the same group;
    same_words times the share of words that the two titles have in common; return_to_former for the occupation
    before the present one; recall for the last job, from a state without one; schooling times the squared distance
    between the level that an occupation asks for and the worker's. popularity is the standard deviation of what
    occupations weigh by themselves, women, ethnic, regional, older and growing those of their leanings: to women
    rather than men, to an ethnicity, to a region, to each ten years of age, to each ten years of time.
    Leanings and levels are drawn, with the seed `names`, for the group, each word of the title and the whole title:
    they are alike where titles are.

    cycle: years of a business cycle; slump_year: one of its worst. states: odds of the states, for a taxonomy that has
    them.
    """

    first_year: int = 1997
    yearly_until: int = 2011
    last_year: int = 2021
    birth_years: tuple[int, int] = (1950, 1985)
    ages: tuple[int, int] = (16, 64)
    missed: float = 0.07
    attrition: float = 0.02
    unknown: float = 0.01
    relocation: float = 0.02
    education: tuple[float, ...] = (0.12, 0.3, 0.28, 0.2, 0.1)
    ethnicity: tuple[float, ...] = (0.6, 0.15, 0.18, 0.07)
    region: tuple[float, ...] = (0.18, 0.21, 0.38, 0.23)

    stay: float = 0.6
    stay_tenure: float = 0.7
    stay_by_age: float = 0.25

    same_group: float = 1.5
    same_words: float = 4.0
    return_to_former: float = 2.5
    recall: float = 3.5
    schooling: float = 0.35
    popularity: float = 1.0
    women: float = 1.2
    ethnic: float = 0.2
    regional: float = 0.3
    older: float = 0.2
    growing: float = 0.2
    names: int = 0

    cycle: float = 10.0
    slump_year: float = 2009.5
    states: Mapping[str, StateOdds] = field(default_factory=lambda: STATE_ODDS)

    def to_json(self) -> str:
        """All numbers as JSON, which `from_json` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parameters from what `to_json` wrote."""
        stored: dict[str, Any] = json.loads(text)
        states = {state: StateOdds(**odds) for state, odds in stored.pop("states").items()}
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
        }
        return cls(**fields, states=states)
