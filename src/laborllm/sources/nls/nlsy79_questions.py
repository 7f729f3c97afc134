"""The questions of the NLSY79 on occupation and work, and what their codes mean."""

from dataclasses import dataclass

from laborllm.sources.mapping import EMPLOYED

VALID_SKIP, NON_INTERVIEW = -4, -5
ROUNDS = (*range(1979, 1994), *range(1994, 2023, 2))
CENTURY, BIRTH_YEARS = 1900, range(57, 65)  # two digits
WEIGHT_UNITS = 100  # weights have two implied decimals
CENTS = 100  # so has pay
HOUSEHOLD = "R0000149"  # asked once, whatever a document calls it
OWN_COLUMNS = ("household", "wage")
ETHNICITIES = {1: "hispanic", 2: "black or african american", 3: "white"}  # 3 is neither Black nor Hispanic
ENROLLED = (2, 3)  # in high school, in college
KINDERGARTEN, UNGRADED = (93, 94), 95  # among the grades completed
MILITARY = "905"
OUT = "not_in_labor_force"
EMPLOYMENT_STATUS = {
    "ESR_COL": {1: EMPLOYED, 2: "unemployed", 3: OUT, 4: MILITARY},
    "ESR_KEY": {1: EMPLOYED, 2: EMPLOYED, 3: "unemployed", 4: OUT, 5: "in_education", 6: OUT, 7: OUT, 8: MILITARY},
}
"""The employment status recode, collapsed and whole."""


@dataclass(frozen=True)
class OccupationQuestion:
    """A question on the occupation.

    Attributes:
        name: Of the question.
        crosswalk: The crosswalk that leads from its codes.
        first: The first round that used both.
        last: The last one.
        no_job: Codes that say that there was no job.
        times: What a code is multiplied with to be one of the crosswalk's.
    """

    name: str
    crosswalk: str
    first: int
    last: int
    no_job: tuple[int, ...] = ()
    times: int = 1


OCCUPATIONS = (
    OccupationQuestion("CPSOCC80", "census1980", 1982, 2000),
    OccupationQuestion("CPSOCC80.01", "census1980", 2000, 2000),
    OccupationQuestion("OCCALL-EMP.01", "census2002", 2002, 2002, no_job=(995,), times=10),
    OccupationQuestion("OCCALL-EMP.01", "census2002", 2004, ROUNDS[-1], no_job=(9950,)),
    OccupationQuestion("CPSOCC70", "census1970", 1979, 1993, no_job=(0, 995, 996)),
)
"""The first with an answer counts: CPSOCC70 where CPSOCC80 was not asked or not answered. The codes of 2002 are the
first three digits of those of later rounds."""

UNCODABLE = "census2002 9990"
