"""Made-up extracts in the form that the PSID Data Center writes, from careers that are known."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from laborllm.sources.psid.variables import Wave, load_waves

Row = dict[str, float]
Record = tuple[str, int, str, str | None, str, str | None, str | None, int | None, float]

Coded = TypeVar("Coded")

FAMILIES = 12
WAVES = (1981, 1984, 1990, 2001, 2003, 2015, 2017, 2021)
JOBS = {
    "276": {1981: 310, 2003: 472, 2017: 4720},
    "95": {1981: 75, 2003: 313, 2017: 3255},
    "905": {2003: 981, 2017: 9810},
}
"""occ1990dd -> first wave -> code: cashiers, nurses, the military (a civilian occupation list in 1970)."""

STATES = {"unemployed": (2, 3), "not_in_labor_force": (4, 5, 6), "in_education": (7,)}
NO_RECORD = {
    "status missing": {1981: [(0, 0), (9, 0), (98, 310)], 2003: [(99, 0)], 2017: [(99, 0)]},
    "status other": {1981: [(8, 0)], 2003: [(8, 472)], 2017: [(8, 0)]},
    "occupation missing": {1981: [(1, 0), (1, 999)], 2003: [(1, 999)], 2017: [(1, 9999), (1, 0)]},
    "occupation code not in taxonomy": {1981: [(1, 998)], 2003: [(1, 997)], 2017: [(1, 999)]},
}
"""Why -> first wave -> status and occupation."""

NO_RATE: dict[int, tuple[float, ...]] = {1981: (0, 99.98, 99.99), 1994: (0, 997, 998, 999, 999.99)}
"""First wave -> hourly rates that are codes: not asked, refused, more than what fits."""

RATES: dict[int, tuple[float, ...]] = {
    1981: (*NO_RATE[1981], 3.35, 5, 99.97),
    1994: (*NO_RATE[1994], 5.15, 14, 99.99, 996.99),
}
LEVELS = {8: "less than high school", 12: "high school", 14: "some college", 16: "college", 17: "graduate degree"}
RACES = {"white": 1, "black or african american": 2, "other": 7}
REGIONS = {"northeast": 1, "northcentral": 2, "south": 3, "west": 5}


@dataclass
class Study:
    """individuals, families (by year): records of the files. records, wages, left_out: what a panel must hold."""

    individuals: list[Row] = field(default_factory=list)
    families: dict[int, list[Row]] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    wages: list[float | None] = field(default_factory=list)

    def one_cart(self) -> list[Row]:
        """Individuals with the variables of their families, as one extract of both has them: zero without a family."""
        rows = []
        for person in self.individuals:
            row = dict(person)
            for wave in waves():
                number = person[wave.variables["individual", "interview"]]
                own = [family for family in self.families[wave.year] if family[interview(wave)] == number]
                row |= own[0] if own else dict.fromkeys(self.families[wave.year][0], 0)
            rows.append(row)
        return rows


def waves() -> list[Wave]:
    return [wave for wave in load_waves() if wave.year in WAVES]


def interview(wave: Wave) -> str:
    return wave.variables["family", "interview"]


def invent(seed: int = 0) -> Study:
    """Families of two adults and a child; each wave an adult is head, spouse or away."""
    draw, study = random.Random(seed), Study()
    paid: dict[tuple[str, int], float | None] = {}
    for family in range(1, FAMILIES + 1):
        people = [_person(draw, family, number) for number in (1, 2, 30)]
        for wave in waves():
            _interview(draw, study, family, people, wave)
        study.individuals += [person.row for person in people]
        for person in people:
            study.records += person.records()
            paid |= {(person.worker, year): wage for year, wage in person.wages.items()}
    study.records.sort()
    study.wages = [paid[record[0], record[1]] for record in study.records]
    return study


@dataclass
class _Person:
    """row: the individual's record so far. years, wages: what the panel must hold. asked: what was, in those years."""

    row: Row
    worker: str
    gender: str
    race: str
    birth_year: int
    years: list[tuple[int, str, str, str, float]] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    wages: dict[int, float | None] = field(default_factory=dict)

    def records(self) -> list[Record]:
        race = self.race if "race" in self.asked else None
        born = self.birth_year if "birth_year" in self.asked else None
        return [
            (self.worker, year, occupation, level, self.gender, race, region, born, weight)
            for year, occupation, level, region, weight in self.years
        ]

    def say(self, wave: Wave, **said: float) -> None:
        """Write down what the person says; what else is asked is 0."""
        asked = {what: name for (role, what), name in wave.variables.items() if role == "individual"}
        self.row |= {name: said.get(what, 0) for what, name in asked.items()}


def _person(draw: random.Random, family: int, number: int) -> _Person:
    sex = draw.choice((1, 2))
    row: Row = {"ER30001": family, "ER30002": number, "ER32000": sex}
    gender = {1: "male", 2: "female"}[sex]
    return _Person(row, str(1000 * family + number), gender, draw.choice(list(RACES)), draw.randint(1890, 1960))


def _interview(draw: random.Random, study: Study, family: int, people: list[_Person], wave: Wave) -> None:
    first, second, child = people
    number, region = 100 * family + wave.year % 100, draw.choice(list(REGIONS))
    row: Row = dict.fromkeys((name for (role, _), name in wave.variables.items() if role != "individual"), 0)
    row |= {interview(wave): number, wave.variables["family", "region"]: REGIONS[region]}
    head, other = (first, second) if draw.random() < 0.8 else (second, first)
    row |= _take_part(draw, study, head, "head", wave, region, number)
    if draw.random() < 0.7:
        row |= _take_part(draw, study, other, "spouse", wave, region, number)
    else:
        other.say(wave, interview=number, sequence=draw.choice((0, 51, 71)), relation=1 if wave.year < 1983 else 10)
        study.left_out["not in a family at the interview"] += 1
    child.say(wave, interview=number, sequence=3, relation=3 if wave.year < 1983 else 30)
    study.left_out["neither reference person nor spouse"] += 1
    study.families.setdefault(wave.year, []).append(row)


def _take_part(
    draw: random.Random, study: Study, person: _Person, role: str, wave: Wave, region: str, number: int
) -> Row:
    """Draw what the person does in the wave, and answer in codes: returns the person's part of the family record."""
    grade, weight = draw.choice(list(LEVELS)), round(draw.uniform(0, 40), 3)
    before, after = {"head": (1, (10,)), "spouse": (2, (20, 22))}[role]
    person.say(
        wave,
        interview=number,
        sequence=1 if role == "head" else 2,
        relation=before if wave.year < 1983 else draw.choice(after),
        education=grade,
        birth_year=person.birth_year,
        weight=weight,
    )
    what, kept, status, occupation = _draw_work(draw, wave.year)
    rate = draw.choice(_since(RATES, wave.year))
    if kept:
        known = what in JOBS and rate not in _since(NO_RATE, wave.year)
        person.wages[wave.year] = rate if known else None
        person.years.append((wave.year, what, LEVELS[grade], region, weight))
        person.asked |= {meaning for asked, meaning in wave.variables if asked in (role, "individual")}
    else:
        study.left_out[what] += 1
    answers = {"status": status, "occupation": occupation, "wage": rate, "race": RACES[person.race]}
    return {name: answers[meaning] for (asked, meaning), name in wave.variables.items() if asked == role}


def _draw_work(draw: random.Random, year: int) -> tuple[str, bool, int, int]:
    """An occupation or state, or why there is no record; whether there is one; and the codes: status, occupation."""
    jobs = [(job, True, 1, _since(codes, year)) for job, codes in JOBS.items() if min(codes) <= year]
    states = [(state, True, status, 0) for state, statuses in STATES.items() for status in statuses]
    lost = [(why, False, *codes) for why, listed in NO_RECORD.items() for codes in _since(listed, year)]
    return draw.choice(jobs * 4 + states + lost)


def _since(listed: Mapping[int, Coded], year: int) -> Coded:
    return listed[max(first for first in listed if first <= year)]


def write_extract(path: Path, rows: Sequence[Row], dialect: str = "sas", newline: str = "\n") -> Path:
    """The data file and its statements, `dialect` one of sas, sps, do."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = {name: [f"{row.get(name, 0)}" for row in rows] for name in names}
    widths = {name: max(map(len, column)) for name, column in cells.items()}
    lines = ["".join(cells[name][number].rjust(widths[name]) for name in names) for number in range(len(rows))]
    path.write_bytes("".join(line + newline for line in lines).encode())
    statements = STATEMENTS[dialect](path, _layout(widths), len(rows), sum(widths.values()))
    path.with_suffix(f".{dialect}").write_bytes(statements.replace("\n", newline).encode("latin-1"))
    return path


def _layout(widths: dict[str, int]) -> dict[str, tuple[int, int]]:
    layout, end = {}, 0
    for name, width in widths.items():
        layout[name] = (end + 1, end + width)
        end += width
    return layout


def _header(rows: int, width: int) -> str:
    return f"   DATA_DOMAIN      : IND\n   N_OF_OBSERVATIONS: {rows}\n   MAX_REC_LENGTH   : {width}\n"


def _fields(layout: dict[str, tuple[int, int]], before: str = "") -> str:
    fields = [f"{before} {name:14} {first:4} - {last:<4}" for name, (first, last) in layout.items()]
    return "\n".join("   ".join(fields[at : at + 3]) for at in range(0, len(fields), 3))


def _sas(path: Path, layout: dict[str, tuple[int, int]], rows: int, width: int) -> str:
    labels = "\n".join(f'      {name} LABEL="CAFÉ 1 - 2; WHAT IT IS" FORMAT=F5.' for name in layout)
    return (
        f"/* PSID DATA CENTER ****\n{_header(rows, width)}****/\n\n"
        f'FILENAME myfile "[path]\\{path.name}" ;\n\nDATA {path.stem} ;\n   ATTRIB\n{labels}\n   ;\n'
        f"   INFILE myfile LRECL = {width} ;\n   INPUT\n{_fields(layout)}\n   ;\nrun ;\n"
    )


def _spss(path: Path, layout: dict[str, tuple[int, int]], rows: int, width: int) -> str:
    labels = "\n".join(f'      {name} "CAFÉ 1 - 2. WHAT IT IS"' for name in layout)
    return (
        f"***** PSID DATA CENTER ****\n{_header(rows, width)}****.\n\n"
        f"FILE HANDLE PSID / NAME = '[path]\\{path.name}' LRECL = {width} .\nDATA LIST FILE = PSID FIXED /\n"
        f"{_fields(layout)}\n   .\n   EXECUTE .\n   VARIABLE LABELS\n{labels}\n   .\n"
    )


def _stata(path: Path, layout: dict[str, tuple[int, int]], rows: int, width: int) -> str:
    labels = "\n".join(f'label variable {name} "CAFÉ 1 - 2 USING WHAT IT IS" ;' for name in layout)
    return (
        f"#delimit ;\n*  PSID DATA CENTER ****\n{_header(rows, width)}****\n;\n\n"
        f"infix\n{_fields(layout, before='long')}\nusing [path]\\{path.name}, clear\n;\n{labels}\n"
    )


STATEMENTS: dict[str, Callable[[Path, dict[str, tuple[int, int]], int, int], str]] = {
    "sas": _sas,
    "sps": _spss,
    "do": _stata,
}
