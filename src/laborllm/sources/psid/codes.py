"""What the codes of the PSID mean, from its codebooks, and from which wave on."""

from dataclasses import dataclass
from typing import TypeVar

from laborllm.sources.mapping import EMPLOYED
from laborllm.sources.psid.variables import Wave

Listed = TypeVar("Listed")

OTHER = "other"  # among them people in prison
STATUS = {
    1: EMPLOYED,
    2: "unemployed",  # laid off for a time, or on sick or maternity leave
    3: "unemployed",
    4: "not_in_labor_force",  # retired
    5: "not_in_labor_force",  # disabled
    6: "not_in_labor_force",  # keeping house
    7: "in_education",
    8: OTHER,
}
IN_FAMILY = (1, 20)  # sequence numbers of those who live in the family at the interview
GRADES = (1, 17)  # 17: some graduate work; 0 is for those who were not asked
ALASKA_HAWAII = 5
EARLIEST_BIRTH = 1850  # no one in the study is older
UNKNOWN_WAGES = {1981: 99.98, 1994: 997.0}
"""First wave -> hourly rate from which on all are taken for codes, of an answer missing or of a rate above what fits:
they are the last that its columns hold. 0 is for those who were not asked, or are not paid by the hour."""


@dataclass(frozen=True)
class Coding:
    """How occupations are coded: the crosswalk, what to multiply a code with to have one of the crosswalk's, and the
    codes that name no occupation."""

    crosswalk: str
    factor: int
    missing: tuple[int, ...]


# What holds from a wave on, up to the next that is listed.
CODINGS = {
    1981: Coding("census1970", 1, (0, 999)),
    2003: Coding("census2002", 10, (0, 999)),  # Census 2000, three digits: those of 2002 without a zero at the end
    2017: Coding("census2010", 1, (0, 9999)),
}
RACES = {  # the first that is mentioned
    1981: {1: "white", 2: "black or african american", 3: "hispanic", 7: "other"},
    1985: {
        1: "white",
        2: "black or african american",
        3: "american indian or alaska native",
        4: "asian or pacific islander",
        5: "hispanic",
        6: "other",
        7: "other",
    },
    2005: {
        1: "white",
        2: "black or african american",
        3: "american indian or alaska native",
        4: "asian or pacific islander",
        5: "asian or pacific islander",
        7: "other",
    },
}
HEADS = {1981: (1,), 1983: (10,)}
SPOUSES = {1981: (2,), 1983: (20, 22)}  # 22: a partner of a year or more


def in_force(listed: dict[int, Listed], wave: Wave) -> Listed:
    """What holds in the wave, of a list by first wave."""
    return listed[max(year for year in listed if year <= wave.year)]
