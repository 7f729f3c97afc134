"""Dated jobs, as resumes and tables of jobs both become: text in every cell, nothing decided yet."""

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from laborllm.errors import SourceError
from laborllm.sources.formats.raw import (
    UNREADABLE,
    decode,
    first_line,
    in_text,
    read_bytes,
    require_columns,
    split_cells,
    text_columns,
)
from laborllm.storage import file_hash

COLUMNS = dict.fromkeys(("worker", "start", "end", "title", "education", "birth_year"), pl.String)
NEEDED = ("worker", "start", "end", "title")


@dataclass(frozen=True)
class Jobs:
    """rows: the columns `COLUMNS`, one row per job. schooling: worker, ended and level of each school, as written.

    files: name -> SHA-256. notes: what the reader had to decide.
    """

    rows: pl.LazyFrame
    schooling: pl.DataFrame | None = None
    files: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def read_jobs(path: Path) -> Jobs:
    """A table of jobs, CSV or Parquet; `education` and `birth_year` may lack. Parquet is scanned, CSV is read whole."""
    try:
        return _scan_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    except UNREADABLE as error:
        raise SourceError(f"{path.name} is not a readable {path.suffix} file: {first_line(error)}") from error


def _scan_parquet(path: Path) -> Jobs:
    schema = pl.Schema(pl.read_parquet_schema(path))
    require_columns(path.name, NEEDED, list(schema))
    there = pl.Schema({name: dtype for name, dtype in schema.items() if name in COLUMNS})
    return Jobs(_with_all(pl.scan_parquet(path).select(text_columns(there))), files={path.name: file_hash(path)})


def _read_csv(path: Path) -> Jobs:
    text, encoding = decode(path.name, read_bytes(path))
    names, cells = split_cells(text)
    require_columns(path.name, NEEDED, names)
    places = {name: cells.columns[names.index(name)] for name in COLUMNS if name in names}
    rows = in_text(cells.select(pl.col(place).alias(name) for name, place in places.items()))
    notes = {} if encoding == "UTF-8" else {"encoding": encoding}
    return Jobs(_with_all(rows.lazy()), files={path.name: file_hash(path)}, notes=notes)


def _with_all(rows: pl.LazyFrame) -> pl.LazyFrame:
    there = rows.collect_schema()
    return rows.select(pl.col(name) if name in there else pl.lit(None, pl.String).alias(name) for name in COLUMNS)
