"""A resume as text or as JSON Resume, to the fields of the form, for the visitor to look over."""

import re
from dataclasses import replace

from laborllm.errors import SourceError
from laborllm.serve.page.form import JOBS, Form, FormError, Job
from laborllm.sources.resumes.date_words import OPEN_END
from laborllm.sources.resumes.dates import is_open_end, read_date
from laborllm.sources.resumes.json_resume import Object, jobs_of, parse_resume

DASH = r"\s*(?:-|\u2013|\u2014|\bto\b|\buntil\b)\s*"
MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?,?\s+"
DATE = rf"(?:\d{{1,2}}[/.])?(?:{MONTH})?(?:19|20)\d\d(?:-\d\d(?!\d))?"
OPEN = rf"(?:{OPEN_END.pattern})\b"
PERIOD = re.compile(rf"\(?\b(?P<start>{DATE})(?:{DASH}(?P<end>{DATE}|{OPEN}))?\)?", re.IGNORECASE)
PLACE = re.compile(r"\s+(?:at|with|for)\s+.*|\s*[,|;@\u2022\u00b7].*|\s+[-\u2013\u2014]\s+.*")


def form_of(text: str, form: Form) -> Form:
    """The form with the jobs of a resume.

    Raises:
        FormError: It holds no job with a year.
    """
    found = _json_jobs(text) if text.lstrip().startswith("{") else _text_jobs(text)
    jobs = sorted(
        (job for job in found if job.start and any(letter.isalpha() for letter in job.title)), key=lambda job: job.start
    )
    if not jobs:
        raise FormError(
            "No line of the resume has a year and a job title: write lines such as '2017 - 2024 Line cook'."
        )
    return replace(form, jobs=tuple(jobs[-JOBS:]))


def _json_jobs(text: str) -> list[Job]:
    try:
        resume: Object = parse_resume(text, "the text")
    except SourceError as error:
        raise FormError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    return [_job(title or "", start or "", end or "") for _, start, end, title, *_ in jobs_of("", resume)]


def _text_jobs(text: str) -> list[Job]:
    """A job for each line that has a period; where it has nothing else, the line before is its title."""
    jobs, before = [], ""
    for line in text.splitlines():
        found = PERIOD.search(line)
        rest = _title(line[: found.start()] + " " + line[found.end() :]) if found else _title(line)
        if found:
            jobs.append(_job(rest or before, found["start"], found["end"] or found["start"]))
        before = rest if not found else ""
    return jobs


def _job(title: str, start: str, end: str) -> Job:
    until = "" if not end or is_open_end(end) else _year(end)
    return Job(title, _year(start), until)


def _year(written: str) -> str:
    period = read_date(written)
    return "" if period is None else str(period.last.year)


def _title(text: str) -> str:
    """The part of a line that names the job: what comes before a place or a dash."""
    return PLACE.sub("", text.strip(" \t-\u2013\u2014\u2022*,:|()"), count=1).strip()[:200]
