"""Files of the JSON Resume schema (jsonresume.org): a folder of them, one of them, or one a line.

Only dates, titles, levels of education and a year of birth are read. A worker is named after the file or the line,
never after the person.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from laborllm.errors import SourceError
from laborllm.sources.formats.raw import UNREADABLE, decode, first_line, read_bytes
from laborllm.sources.resumes.jobs import COLUMNS, Jobs
from laborllm.storage import file_hash

SECTIONS = ("basics", "work", "education", "volunteer", "skills", "languages", "projects", "meta")
SCHOOLING = {"worker": pl.String, "ended": pl.String, "level": pl.String}
CHUNK = 20_000  # resumes that are held as Python objects at a time

Object = dict[str, object]


def read_resumes(path: Path) -> Jobs:
    """Read the resumes at `path`. Raises `SourceError` that names the file, and the line, that is not one."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise SourceError(f"{path} holds no .json file")
    jobs, schooling = [pl.DataFrame(schema=COLUMNS)], [pl.DataFrame(schema=SCHOOLING)]
    for resumes in _chunks(_resumes(path, files)):
        jobs.append(pl.DataFrame([row for w, r in resumes for row in _jobs(w, r)], schema=COLUMNS, orient="row"))
        schools = [row for w, r in resumes for row in _schools(w, r)]
        schooling.append(pl.DataFrame(schools, schema=SCHOOLING, orient="row"))
    return Jobs(pl.concat(jobs).lazy(), pl.concat(schooling), _hashes(path, files))


def _resumes(path: Path, files: Iterable[Path]) -> Iterator[tuple[str, Object]]:
    """Worker and resume."""
    for file in files:
        text = _read(file)
        if path.is_dir() or file.suffix == ".json":
            yield file.stem, _parse(text, file.name)
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield f"{file.name.partition('.')[0]}-{number}", _parse(line, f"{file.name}, line {number}")


def _hashes(path: Path, files: list[Path]) -> dict[str, str]:
    """Of a folder one hash, over those of its files: their names may be many, and people's."""
    if not path.is_dir():
        return {path.name: file_hash(path)}
    hashes = "\n".join(file_hash(file) for file in files)
    return {f"{path.name} ({len(files)} files)": hashlib.sha256(hashes.encode()).hexdigest()}


def _read(file: Path) -> str:
    try:
        return decode(file.name, read_bytes(file))[0]
    except UNREADABLE as error:
        raise SourceError(f"{file.name} is not a readable file: {first_line(error)}") from error


def _parse(text: str, where: str) -> Object:
    try:
        resume = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{where} is not JSON, or torn: {error}") from error
    if not isinstance(resume, dict) or not any(section in resume for section in SECTIONS):
        raise SourceError(f"{where} is not a JSON Resume: expected an object with sections such as 'work'")
    for section in ("work", "education"):
        entries = resume.get(section) or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise SourceError(f"{where}: '{section}' of a JSON Resume must be a list of objects")
    return resume


def _jobs(worker: str, resume: Object) -> Iterator[tuple[str | None, ...]]:
    basics = resume.get("basics")
    born = _text(basics, "birthDate") if isinstance(basics, dict) else None
    for job in _entries(resume, "work"):
        dates = (_text(job, "startDate"), _text(job, "endDate"))
        yield worker, *dates, _text(job, "position"), None, born[:4] if born else None


def _schools(worker: str, resume: Object) -> Iterator[tuple[str, str, str]]:
    for school in _entries(resume, "education"):
        ended, level = _text(school, "endDate"), _text(school, "studyType")
        if ended and level:
            yield worker, ended, level


def _entries(resume: Object, section: str) -> list[Object]:
    entries = resume.get(section)
    return entries if isinstance(entries, list) else []


def _text(entry: Object, key: str) -> str | None:
    value = entry.get(key)
    text = str(value) if isinstance(value, str | int) else ""
    return text.encode("utf-8", "replace").decode().strip() or None  # a lone surrogate is no text


def _chunks(resumes: Iterator[tuple[str, Object]]) -> Iterator[list[tuple[str, Object]]]:
    chunk = []
    for resume in resumes:
        chunk.append(resume)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    yield chunk
