"""The variables of the PSID that a panel is made of, by year.

Their names change with every wave; `variables.csv` lists them as the cross-year index of the PSID has them
(University of Michigan, Panel Study of Income Dynamics, 1981 to 2021).
"""

import csv
from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import files

FAMILY_1968, PERSON, SEX = "ER30001", "ER30002", "ER32000"
"""What the individual file says once of each person; the first two name the person."""

REQUIRED = {
    ("individual", "sequence"),
    ("individual", "relation"),
    ("head", "status"),
    ("head", "occupation"),
    ("spouse", "status"),
    ("spouse", "occupation"),
}
"""Role and meaning of the variables without which a wave cannot be read."""


@dataclass(frozen=True)
class Wave:
    """A year of interviews.

    Attributes:
        year: The year.
        variables: (role, meaning) -> name in this year. Roles: individual, family, head (reference person), spouse.
    """

    year: int
    variables: dict[tuple[str, str], str]

    @property
    def asks_for_work(self) -> list[str]:
        """The variables of status and occupation: a wave that has none of them was not asked for."""
        return [name for (_, what), name in self.variables.items() if what in ("status", "occupation")]

    @property
    def of_family(self) -> list[str]:
        """The variables of the family's record but its interview number."""
        return [name for (role, what), name in self.variables.items() if role != "individual" and what != "interview"]

    def missing(self, there: Collection[str]) -> list[str]:
        """What is required and not there, as "V7712 (head occupation)"."""
        absent = {key: self.variables[key] for key in self.variables if key in REQUIRED}
        return [f"{name} ({role} {what})" for (role, what), name in absent.items() if name not in there]


def load_waves() -> list[Wave]:
    """Every wave that can be imported, in order."""
    text = (files("laborllm.sources.psid") / "variables.csv").read_text("utf-8")
    waves: dict[int, dict[tuple[str, str], str]] = {}
    for row in csv.DictReader(text.splitlines()):
        waves.setdefault(int(row["year"]), {})[row["role"], row["what"]] = row["variable"]
    return [Wave(year, variables) for year, variables in waves.items()]


def cart() -> str:
    """What to put into the cart of the Data Center: a line for every person, and a line per year."""
    lines = [f"once: {FAMILY_1968} {PERSON} {SEX}"]
    lines += [f"{wave.year}: {' '.join(wave.variables.values())}" for wave in load_waves()]
    return "\n".join(lines)
