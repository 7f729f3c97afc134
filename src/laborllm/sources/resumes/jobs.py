"""Dated jobs, as resumes and tables of jobs both become: text in every cell, nothing decided yet."""

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from laborllm.errors import SourceError
from laborllm.panel.parquet.pages import require_sound_pages
from laborllm.sources.formats.headers import find_columns
from laborllm.sources.formats.raw import UNREADABLE, first_line, read_delimited
from laborllm.sources.formats.raw_table import in_text, text_columns
from laborllm.sources.formats.values import ERRORS, NO_KEY, NOT_AVAILABLE
from laborllm.storage import file_hash

COLUMNS = dict.fromkeys(("worker", "start", "end", "title", "education", "birth_year"), pl.String)
NEEDED = ("worker", "start", "end", "title")
MISSING = {"worker": NO_KEY, "start": NO_KEY, "end": NOT_AVAILABLE - ERRORS, "birth_year": NO_KEY}
"""What says of a column that nothing is known. A missing end is open, so what failed to be one is none."""


@dataclass(frozen=True)
class Jobs:
    """The jobs of resumes, as written.

    Attributes:
        rows: The columns `COLUMNS`, a row per job.
        schooling: Worker, ended and level of each school; None where `rows` has education.
        files: Name -> SHA-256 of what the rows came from.
        notes: What the reader had to decide.
    """

    rows: pl.LazyFrame
    schooling: pl.DataFrame | None = None
    files: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def education(self) -> pl.LazyFrame:
        """What is written of education, in the one column text: of each job, or of each school."""
        written = (
            self.rows.select(text="education") if self.schooling is None else self.schooling.lazy().select(text="level")
        )
        return written.drop_nulls()


def read_jobs(path: Path, encoding: str | None = None) -> Jobs:
    """A table of jobs. Parquet is scanned, CSV is read whole.

    Args:
        path: A .csv or .parquet file with a row per job; `education` and `birth_year` may lack.
        encoding: Of a CSV that is not UTF-8; None: found out.

    Returns:
        The jobs, as text.

    Raises:
        SourceError: A file that cannot be read, or lacks a column.
    """
    try:
        return _scan_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path, encoding)
    except UNREADABLE as error:
        raise SourceError(f"{path.name} is not a readable {path.suffix} file: {first_line(error)}") from error


def without_missing(rows: pl.LazyFrame) -> pl.LazyFrame:
    """All of `COLUMNS`, null where a cell says that nothing is known, such as R's NA or the NaT of pandas."""
    there = rows.collect_schema()
    known = (
        pl.when(~pl.col(name).is_in(MISSING.get(name, NOT_AVAILABLE))).then(name).alias(name)
        for name in COLUMNS
        if name in there
    )
    absent = (pl.lit(None, pl.String).alias(name) for name in COLUMNS if name not in there)
    return rows.select(*known, *absent).select(list(COLUMNS))


def _scan_parquet(path: Path) -> Jobs:
    require_sound_pages(path)
    schema = pl.Schema(pl.read_parquet_schema(path))
    found = find_columns(path.name, NEEDED, list(schema), [name for name in COLUMNS if name not in NEEDED])
    rows = pl.scan_parquet(path).select(pl.col(there).alias(name) for name, there in found.items())
    rows = rows.select(text_columns(pl.Schema({name: schema[there] for name, there in found.items()})))
    return Jobs(without_missing(rows), files={path.name: file_hash(path)})


def _read_csv(path: Path, encoding: str | None) -> Jobs:
    table = read_delimited(path, NEEDED, encoding, optional=("education", "birth_year"))
    return Jobs(without_missing(in_text(table.frame).lazy()), files={path.name: file_hash(path)}, notes=table.notes)
