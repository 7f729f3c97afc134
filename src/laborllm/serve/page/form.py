"""The career that a visitor types: fields as typed, the buttons that change them, and the career they come to.

All of it travels with each request, and in the fragment of a link, which browsers do not send; nothing is stored.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

from pydantic import ValidationError

from laborllm.errors import InputError
from laborllm.serve.operation.problems import sentence
from laborllm.serve.schema.careers import Career, Record

JOBS = 30
PERSON = ("gender", "ethnicity", "region", "birth_year")
HORIZONS = (3, 5, 10)
CHANGES = ("title", "education", "region")
WHOLE = {"horizon": set(map(str, HORIZONS)), "now": set(map(str, range(2020, 2061)))}
Fields = Sequence[tuple[str, str]]


class FormError(InputError):
    """What was typed is no career; the message says which field and why."""


@dataclass(frozen=True)
class Job:
    """A line of the form: a job, or a time without one, as typed."""

    title: str = ""
    start: str = ""
    end: str = ""
    education: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is typed."""
        return not (self.title or self.start or self.end)


@dataclass(frozen=True)
class Form:
    """What is typed.

    Attributes:
        jobs: Lines, in the order shown.
        gender: Of the person, "" where not said; so ethnicity, region and birth_year.
        horizon: Years ahead.
        change: What the last record of the other version says otherwise: title, education or region; "" for no other.
        to: What it says.
        now: The year until which a job without an end lasts.
    """

    jobs: tuple[Job, ...] = (Job(),)
    gender: str = ""
    ethnicity: str = ""
    region: str = ""
    birth_year: str = ""
    horizon: int = 5
    change: str = ""
    to: str = ""
    now: int = field(default_factory=lambda: datetime.now(UTC).year)

    @classmethod
    def of(cls, fields: Fields) -> Self:
        """The form from its fields, those of the jobs repeated; a field that is not known is left out."""
        several = {name: [value.strip()[:200] for key, value in fields if key == name] for name in vars(Job())}
        count = min(JOBS, max(len(values) for values in several.values()))
        rows = [{name: values[at] for name, values in several.items() if at < len(values)} for at in range(count)]
        others: dict[str, Any] = {}
        for name, value in fields:
            if name in (*PERSON, "to") or (name == "change" and value in CHANGES):
                others[name] = value.strip()[:200]
            elif name in WHOLE and value in WHOLE[name]:
                others[name] = int(value)
        return cls(tuple(Job(**row) for row in rows) or (Job(),), **others)

    @classmethod
    def from_state(cls, state: str) -> Self:
        """The form from the text that `state` gives. Raises `FormError` for one that it cannot have given."""
        try:
            return cls.of(parse_qsl(state, keep_blank_values=True, max_num_fields=500))
        except ValueError as error:
            raise FormError("What was sent is no career.") from error

    @property
    def state(self) -> str:
        """All that is typed, as one text for a link."""
        return urlencode(list(self._fields()))

    @property
    def is_empty(self) -> bool:
        """Whether no job is typed."""
        return all(job.is_empty for job in self.jobs)

    def after(self, action: str) -> Self:
        """The form after a press of one of its buttons: add, delete-3 (the third line from 0), up-3."""
        name, _, number = action.partition("-")
        at = int(number) if number.isdecimal() and len(number) < 4 else len(self.jobs)
        jobs = list(self.jobs)
        if name == "add" and len(jobs) < JOBS:
            jobs.append(Job())
        elif name == "delete" and at < len(jobs):
            del jobs[at]
        elif name == "up" and 0 < at < len(jobs):
            jobs[at - 1], jobs[at] = jobs[at], jobs[at - 1]
        return replace(self, jobs=tuple(jobs) or (Job(),))

    def career(self) -> Career:
        """The career: a record for each year of each job. A job without an end lasts until the next one
        begins, the last one until now.

        Raises:
            FormError: What is typed is no career.
        """
        typed = [(at, job) for at, job in enumerate(self.jobs, 1) if not job.is_empty]
        if not typed:
            raise FormError("Type at least one job, with the year it began.")
        records = [record for at, job in typed for record in self._records(at, job, [each for _, each in typed])]
        if len(records) > 60:
            raise FormError(f"The career has {len(records)} years: at most 60.")
        try:
            return Career(
                records=records,
                gender=self.gender or None,
                ethnicity=self.ethnicity or None,
                birth_year=read_year("The year of birth", self.birth_year) if self.birth_year else None,
            )
        except ValidationError as error:
            raise FormError(_as_sentence(sentence(error.errors()))) from None

    def _records(self, at: int, job: Job, jobs: Sequence[Job]) -> Iterator[Record]:
        if not job.title:
            raise FormError(f"Job {at} has no title.")
        if not job.start:
            raise FormError(f"Job {at} has no year in which it began.")
        start = read_year(f"Job {at}", job.start)
        later = [year for other in jobs if other.start.isdecimal() and (year := int(other.start)) > start]
        until = read_year(f"Job {at}", job.end) if job.end else min(later, default=max(start, self.now) + 1) - 1
        if until < start:
            raise FormError(f"Job {at} ends in {until}, before it begins.")
        if (last := min(later, default=until + 1)) <= until:
            until = last - 1  # the years that two jobs share count for the one that began later
        for year in range(start, until + 1):
            yield Record(year=year, title=job.title, education=job.education or None, region=self.region or None)

    def _fields(self) -> Iterator[tuple[str, str]]:
        for job in self.jobs:
            yield from vars(job).items()
        for name in (*PERSON, "change", "to"):
            if value := getattr(self, name):
                yield name, value
        yield "horizon", str(self.horizon)
        yield "now", str(self.now)


def read_year(what: str, typed: str) -> int:
    """A year as typed. Raises `FormError` for anything else; `what` says what it is the year of."""
    if not (typed.isdecimal() and typed.isascii() and 1900 <= int(typed[:5]) <= 2060):
        raise FormError(f"{what}: {typed[:20]!r} is not a year. Write four figures, such as 2019.")
    return int(typed)


def _as_sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
