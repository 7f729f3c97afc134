"""What a list says of each person besides her jobs, from a file or a data frame."""

from pathlib import Path
from typing import Any

import polars as pl

from laborllm.errors import SourceError
from laborllm.panel.parquet.read import read_whole
from laborllm.panel.schema import SCHEMA
from laborllm.sources.formats.headers import find_columns
from laborllm.sources.formats.raw import UNREADABLE, read_delimited
from laborllm.sources.formats.raw_table import in_text
from laborllm.sources.formats.values import NOT_AVAILABLE
from laborllm.sources.resumes.jobs import COLUMNS as JOB_COLUMNS
from laborllm.sources.resumes.jobs import NEEDED

OUT = "out_of_work_since"
COVARIATES = ("gender", "ethnicity", "region")
"""What a list may say of each person; education and birth_year too, which the import of jobs reads."""


def person_columns(path: Path, encoding: str | None) -> pl.DataFrame | None:
    """The columns of a list of jobs, a row per job; None where the file cannot be read as one.

    Raises:
        SourceError: There is no such file, or it lacks a column.
    """
    if not path.is_file():
        raise SourceError(f"no file at {path}")
    try:
        if path.suffix.lower() == ".parquet":
            frame = by_known_names(read_whole(path, SourceError), path.name)
        else:
            frame = read_delimited(path, NEEDED, encoding, optional=(*COVARIATES, OUT)).frame
    except UNREADABLE:
        return None  # the import of jobs says what is wrong
    return frame


def as_polars(people: Any) -> pl.DataFrame:
    """A data frame of Polars or pandas as one of Polars. Raises `SourceError` for anything else."""
    if isinstance(people, pl.LazyFrame):
        return as_polars(people.collect())
    if isinstance(people, pl.DataFrame):
        return by_known_names(people, "the data frame")
    if hasattr(people, "columns") and hasattr(people, "to_dict"):  # a data frame of pandas, which need not be installed
        cells = {str(name): people[name].tolist() for name in people.columns}
        known = {name: [cell if cell == cell else None for cell in column] for name, column in cells.items()}  # no NaN
        return by_known_names(pl.DataFrame(known, strict=False), "the data frame")
    raise SourceError(
        f"people cannot be read from {type(people).__name__}: give a file, a folder of resumes, a panel or a data frame"
    )


def by_known_names(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    """The frame with the columns that a list or a panel has under their own names, whatever case they were written in.

    Args:
        frame: Of jobs or of records.
        where: What it is, for the error.

    Raises:
        SourceError: Two columns could be one of them.
    """
    found = find_columns(where, (), frame.columns, [*JOB_COLUMNS, *SCHEMA, OUT])
    return frame.rename({there: name for name, there in found.items() if there != name})


def require_jobs(frame: pl.DataFrame) -> pl.DataFrame:
    """The data frame, if it is a list of jobs. Raises `SourceError` naming the column that it lacks."""
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        raise SourceError(
            f"the data frame has no column {missing[0]!r}: a list of jobs has worker, start, end and title, a panel "
            "has worker, year and occupation"
        )
    return frame


def row_of(frame: pl.DataFrame, worker: str) -> int:
    """The first row of a list, from 1, in which a person stands."""
    return int((in_text(frame.select("worker"))["worker"].str.strip_chars() == worker).arg_true()[0]) + 1


def of_persons(frame: pl.DataFrame | None, column: str) -> pl.DataFrame:
    """Worker and one column, a row for each person of whom it is known. Raises `SourceError` for one of two values."""
    if frame is None or column not in frame.columns:
        return pl.DataFrame(schema={"worker": pl.String, column: pl.String})
    text = in_text(frame.select("worker", column)).with_columns(pl.col("worker", column).str.strip_chars())
    rows = text.with_row_index("row", offset=1).filter(~pl.col(column).is_in(["", *NOT_AVAILABLE]))
    known = rows.unique(["worker", column], keep="first", maintain_order=True)
    twice = known.filter(pl.col("worker").is_duplicated())
    if twice.height:
        first = twice["row"][0]
        raise SourceError(f"row {first:,}: {column} differs between rows of one person; {twice.height:,} rows in all")
    return known.drop("row")
