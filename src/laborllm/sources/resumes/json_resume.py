"""Files of the JSON Resume schema (jsonresume.org): a folder of them, one of them, or one a line.

Only dates, titles, levels of education and a year of birth are read. A worker is named after the file or the line,
never after the person.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from laborllm.errors import SourceError
from laborllm.sources.formats.raw import UNREADABLE, first_line
from laborllm.sources.formats.text import plain, read_text
from laborllm.sources.resumes.jobs import COLUMNS, Jobs, without_missing
from laborllm.storage import file_hash

SECTIONS = ("basics", "work", "education", "volunteer", "skills", "languages", "projects", "meta")
SCHOOLING = {"worker": pl.String, "ended": pl.String, "level": pl.String}
CHUNK = 20_000  # resumes that are held as Python objects at a time
ENDINGS = (".json", ".jsonl", ".jsonl.gz")

Object = dict[str, object]


def read_resumes(path: Path, encoding: str | None = None) -> Jobs:
    """Read resumes; of a folder, those in the folders below it too. A file of another kind is counted.

    Args:
        path: A folder of JSON Resume files, one such file, or a `.jsonl` of them.
        encoding: Of texts that are not UTF-8; None: found out.

    Returns:
        Jobs and schools, with notes.

    Raises:
        SourceError: A file or a line that is no resume; it is named.
    """
    files, others = _files(path) if path.is_dir() else ([path], [])
    if not files:
        raise SourceError(f"{path} holds no .json file")
    jobs, schooling = [pl.DataFrame(schema=COLUMNS)], [pl.DataFrame(schema=SCHOOLING)]
    notes = _not_read(others)
    for resumes in _chunks(_resumes(path, files, encoding, notes)):
        jobs.append(pl.DataFrame([row for w, r in resumes for row in jobs_of(w, r)], schema=COLUMNS, orient="row"))
        schools = [row for w, r in resumes for row in _schools(w, r)]
        schooling.append(pl.DataFrame(schools, schema=SCHOOLING, orient="row"))
    return Jobs(without_missing(pl.concat(jobs).lazy()), pl.concat(schooling), _hashes(path, files), notes)


def _files(folder: Path) -> tuple[list[Path], list[Path]]:
    """The files of resumes in a folder and below it, in order, and the others."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    resumes = [file for file in found if file.name.lower().endswith(ENDINGS) and not file.name.startswith(".")]
    return resumes, sorted(set(found) - set(resumes))


def _not_read(others: list[Path]) -> dict[str, str]:
    kinds = Counter(file.suffix.lower() or "no ending" for file in others)
    listed = ", ".join(f"{plain(kind)} {count:,}" for kind, count in kinds.most_common())
    return {"files not read": f"{len(others):,} ({listed})"} if others else {}


def _resumes(
    path: Path, files: Iterable[Path], encoding: str | None, notes: dict[str, str]
) -> Iterator[tuple[str, Object]]:
    """Worker and resume; `notes` receives the encoding where it is not UTF-8."""
    for file in files:
        text, found = _read(file, encoding)
        notes.update(found)
        name = file.relative_to(path).as_posix() if path.is_dir() else file.name
        worker = plain(name[: -len(_ending(file))])
        if _ending(file) == ".json":
            yield worker, parse_resume(text, name)
            continue
        for number, line in enumerate(text.split("\n"), start=1):  # other separators of lines may stand in a text
            if line.strip():
                yield f"{worker}-{number}", parse_resume(line, f"{name}, line {number}")


def _ending(file: Path) -> str:
    return next(ending for ending in reversed(ENDINGS) if file.name.lower().endswith(ending))


def _hashes(path: Path, files: list[Path]) -> dict[str, str]:
    """The hash of a file, or one hash over all files of a folder: their names may be many, and people's."""
    if not path.is_dir():
        return {path.name: file_hash(path)}
    hashes = "\n".join(file_hash(file) for file in files)
    return {f"{path.name} ({len(files)} files)": hashlib.sha256(hashes.encode()).hexdigest()}


def _read(file: Path, encoding: str | None) -> tuple[str, dict[str, str]]:
    try:
        return read_text(file, encoding)
    except UNREADABLE as error:
        raise SourceError(f"{file.name} is not a readable file: {first_line(error)}") from error


def parse_resume(text: str, where: str) -> Object:
    """The resume that a text is. Raises `SourceError`, which says `where`, if it is none."""
    try:
        resume = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{where} is not JSON, or torn: {first_line(error)}") from error
    if not isinstance(resume, dict) or not any(section in resume for section in SECTIONS):
        raise SourceError(f"{where} is not a JSON Resume: expected an object with sections such as 'work'")
    for section in ("work", "education"):
        entries = resume.get(section) or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise SourceError(f"{where}: '{section}' of a JSON Resume must be a list of objects")
    return resume


def jobs_of(worker: str, resume: Object) -> Iterator[tuple[str | None, ...]]:
    """The jobs of a resume, with the columns of `COLUMNS`."""
    basics = resume.get("basics")
    born = _text(basics, "birthDate") if isinstance(basics, dict) else None
    for job in _entries(resume, "work"):
        yield worker, _text(job, "startDate"), _text(job, "endDate"), _text(job, "position"), None, born


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
    return plain(text.encode("utf-8", "replace").decode()) or None  # a lone surrogate is no text


def _chunks(resumes: Iterator[tuple[str, Object]]) -> Iterator[list[tuple[str, Object]]]:
    chunk = []
    for resume in resumes:
        chunk.append(resume)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    yield chunk
