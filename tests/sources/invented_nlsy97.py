"""An NLSY97 extract of invented people whose lives are known, and the panel that must come of it, by plain loops."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from sources.invented import Column

ROUNDS = (2000, 2001, 2003)
JOBS = 3  # listed in a round
WEEKS = 52
CODES = {4720: "276", 2310: "156", 4020: "436", 9990: None, 8888: None}
"""Census 2002 code -> its occ1990dd code: two have none, the uncodable and one that does not exist."""


@dataclass
class Job:
    """What each round says of it; start and stop are (year, month), the month 0 where unknown."""

    employer: int
    start: tuple[int, int]
    stop: tuple[int, int]
    codes: dict[int, int]
    hours: dict[int, int]

    def pay(self, year: int) -> int:
        """In cents; every other job does not say in every other round."""
        return -3 if (self.employer + year) % 4 == 0 else 10 * (self.employer - 9700) + year

    def days(self, year: int) -> int:
        """In that calendar year, day by day."""
        first = date(self.start[0], self.start[1] or 1, 1)
        month = self.stop[1] or 12
        after = date(self.stop[0] + month // 12, month % 12 + 1, 1)
        return sum((first + timedelta(days=day)).year == year for day in range((after - first).days))


@dataclass
class Person:
    number: int
    sex: int
    birth_year: int
    ethnicity: int
    race: int
    interviews: dict[int, dict[str, int]]  # round -> enrolment, degree, region, weight
    weeks: dict[int, list[int]]  # round -> EMP_STATUS of its calendar year
    jobs: list[Job] = field(default_factory=list)

    @property
    def household(self) -> int:
        return (self.number + 1) // 2

    def listed(self, year: int) -> list[Job]:
        """The jobs that the round of that year lists."""
        return [job for job in self.jobs if year in job.codes] if year in self.interviews else []


def people(seed: int, count: int = 60) -> list[Person]:
    draw = random.Random(seed)
    return [_person(draw, number) for number in range(1, count + 1)]


def columns(people: list[Person]) -> list[Column]:
    """The extract, column by column."""
    return list(_numbered(people))


def expected(people: list[Person]) -> dict[tuple[str, int], str]:
    """(worker, year) -> the occupation of the record, or in brackets why there is none."""
    return {(str(person.number), year): _fate(person, year) for person in people for year in ROUNDS}


def _fate(person: Person, year: int) -> str:
    weeks = person.weeks[year]
    looking, idle = weeks.count(4), sum(weeks.count(code) for code in (1, 2, 4, 5))
    not_looking = idle - looking - weeks.count(2)
    if year not in person.interviews:
        return "(not interviewed)"
    if sum(week <= 0 for week in weeks) >= 26:
        return "(work of half the year or more unknown)"
    if (code := _main_code(person, year)) is not None:
        if code == 9990:
            return "(occupation uncodable)"
        return CODES[code] or "(occupation code not in taxonomy)"
    if person.interviews[year]["enrolment"] in (8, 9, 10, 11):
        return "in_education"
    if idle < 26:
        return "(neither an occupation nor half a year without work)"
    if not looking + not_looking:
        return "(not working, unknown whether looking for work)"
    return "unemployed" if looking >= not_looking else "not_in_labor_force"


def main_wage(person: Person, year: int) -> float | None:
    """Dollars an hour of the main job, by the first round from `year` on that says it, or the last before."""
    if (main := _main_job(person, year)) is None:
        return None
    cents = _stated({each: main[1].pay(each) for each in ROUNDS if main[1] in person.listed(each)}, year)
    return None if cents is None else cents / 100


def _main_code(person: Person, year: int) -> int | None:
    return main[0] if (main := _main_job(person, year)) else None


def _main_job(person: Person, year: int) -> tuple[int, Job] | None:
    """The main job of a year and its code."""
    ranked: list[tuple[int, int, int, int, Job]] = []
    for job in person.jobs:
        listed = [each for each in ROUNDS if job in person.listed(each)]
        code = _stated({each: job.codes[each] for each in listed}, year)
        hours = _stated({each: job.hours[each] for each in listed}, year)
        if listed and job.days(year) and code is not None:
            ranked.append((job.days(year) * (hours or 0), job.days(year), -job.employer, code, job))
    return max(ranked)[-2:] if ranked else None


def _stated(said: dict[int, int], year: int) -> int | None:
    """By the first round from `year` on that says it, or the last before."""
    known = {each: answer for each, answer in said.items() if answer >= 0}
    later = [each for each in known if each >= year]
    return known[min(later)] if later else known[max(known)] if known else None


def _person(draw: random.Random, number: int) -> Person:
    interviews = {
        year: {
            "enrolment": draw.choice([1, 3, 4, 6, 8, 9, 11, -3]),
            "degree": draw.choice([0, 1, 2, 3, 4, 5, -3]),
            "region": draw.choice([1, 2, 3, 4, -3]),
            "weight": draw.randrange(0, 90_000_000),
        }
        for year in ROUNDS
        if draw.random() < 0.85
    }
    weeks = {year: _weeks(draw) for year in ROUNDS}
    person = Person(
        number,
        draw.choice([1, 2]),
        draw.randrange(1980, 1985),
        draw.choice([1, 2, 3, 4, 4]),
        draw.choice([1, 2, 3, 4, 5, -2]),
        interviews,
        weeks,
    )
    person.jobs = [_job(draw, employer) for employer in range(9701, 9701 + draw.choice([0, 0, 1, 1, 2, 3]))]
    return person


def _weeks(draw: random.Random) -> list[int]:
    """A year of two or three spells."""
    spells = draw.choices([9701, 200003, 4, 5, 1, 2, 3, 0, -4, 6], k=3)
    cuts = sorted(draw.choices(range(WEEKS + 1), k=2))
    lengths = (cuts[0], cuts[1] - cuts[0], WEEKS - cuts[1])
    return [code for code, length in zip(spells, lengths, strict=True) for _ in range(length)]


def _job(draw: random.Random, employer: int) -> Job:
    start = (draw.randrange(1998, 2004), draw.choice([0, *range(1, 13)]))
    stop = (draw.randrange(start[0], 2005), draw.choice([0, *range(1, 13)]))
    if stop[0] == start[0] and start[1] and stop[1]:
        start, stop = (start[0], min(start[1], stop[1])), (stop[0], max(start[1], stop[1]))
    listed = [year for year in ROUNDS if start[0] <= year and draw.random() < 0.8] or [ROUNDS[-1]]
    codes = {year: draw.choice([4720, 4720, 2310, 4020, 9990, 8888, -3]) for year in listed}
    return Job(employer, start, stop, codes, {year: draw.choice([10, 20, 40, 40, -4]) for year in listed})


def _numbered(people: list[Person]) -> Iterator[Column]:
    for at, (question, round, answers) in enumerate(_questions(people)):
        yield Column("R0000100" if question == "PUBID" else f"S{1_000_000 + 100 * at}", question, round, answers)


def _questions(people: list[Person]) -> Iterator[tuple[str, str, list[int]]]:
    yield "PUBID", "1997", [person.number for person in people]
    yield "KEY!SEX", "1997", [person.sex for person in people]
    yield "KEY!BDATE_Y", "1997", [person.birth_year for person in people]
    yield "KEY!RACE_ETHNICITY", "1997", [person.ethnicity for person in people]
    yield "KEY!RACE", "1997", [person.race for person in people]
    yield "SIDCODE", "1997", [person.household for person in people]
    yield "VSTRAT", "1997", [1 + person.number % 3 for person in people]
    yield "VPSU", "1997", [1 + person.number % 2 for person in people]
    for year in ROUNDS:
        yield from _round(people, year)
        for week in range(WEEKS):
            yield f"EMP_STATUS_{year}.{week + 1:02}", "XRND", [person.weeks[year][week] for person in people]


def _round(people: list[Person], year: int) -> Iterator[tuple[str, str, list[int]]]:
    named = {
        "enrolment": "CV_ENROLLSTAT" if year == 2003 else "CV_ENROLLSTAT_EDT",
        "degree": "CV_HIGHEST_DEGREE_0001" if year == 2000 else "CV_HIGHEST_DEGREE_EVER",
        "region": "CV_CENSUS_REGION",
        "weight": "SAMPLING_WEIGHT_CC",
    }
    for name, question in named.items():
        yield question, str(year), [person.interviews.get(year, {}).get(name, -5) for person in people]
    for number in range(JOBS):
        listed = [person.listed(year)[number : number + 1] for person in people]
        for question, answer in _job_answers(year).items():
            yield question.format(f"{number + 1:02}"), str(year), [answer(job[0]) if job else -4 for job in listed]


def _job_answers(year: int) -> dict[str, Callable[[Job], int]]:
    return {
        "YEMP_UID.{}": lambda job: job.employer,
        "YEMP_OCCODE-2002.{}": lambda job: job.codes[year],
        "CV_HRS_PER_WEEK.{}": lambda job: job.hours[year],
        "CV_HRLY_PAY.{}": lambda job: job.pay(year),
        "YEMP_STARTDATE.{}~Y": lambda job: job.start[0],
        "YEMP_STARTDATE.{}~M": lambda job: job.start[1] or -2,
        "YEMP_STOPDATE.{}~Y": lambda job: job.stop[0],
        "YEMP_STOPDATE.{}~M": lambda job: job.stop[1] or -2,
    }
