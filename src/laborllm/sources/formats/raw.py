"""Read a table of any supported format; the ending of its name says which it is."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyreadstat

from laborllm.errors import SourceError
from laborllm.panel.parquet.read import read_whole
from laborllm.sources.formats.delimited import split_cells
from laborllm.sources.formats.headers import find_columns
from laborllm.sources.formats.raw_table import RawTable, in_text
from laborllm.sources.formats.statistical import read_sas, read_sas_transport, read_spss, read_stata
from laborllm.sources.formats.text import plain, read_text
from laborllm.storage import file_hash

UNREADABLE = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    pyreadstat.ReadstatError,
    pyreadstat.PyreadstatError,
    OSError,
    EOFError,
    UnicodeError,
    OverflowError,
    zlib.error,
)
"""What the readers raise for a file that is torn or is not what its name says."""


WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
"""Several sheets, merged and hidden cells: which of them is the table nobody but its owner knows."""


def read_raw(path: Path, columns: Sequence[str], encoding: str | None = None) -> RawTable:
    """Read columns of a table in any supported format.

    Args:
        path: The file; its ending says the format.
        columns: The names of the columns to read.
        encoding: Of a text that is not UTF-8, or of an old Stata or SAS file; None: found out.

    Returns:
        The columns as text, with the hash of the file.

    Raises:
        SourceError: The file is missing, is not what its name says, or lacks one of the columns.
    """
    if not path.is_file():
        raise SourceError(f"no file at {path}")
    reader = READERS.get(_ending(path))
    if reader is None:
        sheet = "save the sheet as .csv, or " if _ending(path) in WORKBOOKS else ""
        raise SourceError(f"{path.name}: cannot read this kind of file; {sheet}use one of {', '.join(READERS)}")
    try:
        table = reader(path, list(dict.fromkeys(columns)), encoding)
        return replace(table, frame=in_text(table.frame), files={path.name: file_hash(path)})
    except UNREADABLE as error:
        raise SourceError(f"{path.name} is not a readable {_ending(path)} file: {first_line(error)}") from error


def read_delimited(
    path: Path, columns: Sequence[str], encoding: str | None, *, optional: Sequence[str] = ()
) -> RawTable:
    """Read columns of a table of text, separated by commas, tabs or the like.

    Args:
        path: The file.
        columns: The names of the columns that must be there, in any case.
        encoding: Of a text that is not UTF-8; None: found out.
        optional: Columns to read if they are there.

    Returns:
        The columns as text, with notes on how the file was read.

    Raises:
        SourceError: A text that cannot be read, or a column that is missing or there twice.
    """
    text, notes = read_text(path, encoding)
    names, cells = split_cells(path.name, text)
    found = find_columns(path.name, columns, names, optional)
    frame = cells.select(pl.col(cells.columns[names.index(there)]).alias(name) for name, there in found.items())
    return RawTable(frame, notes=notes)


def first_line(error: BaseException) -> str:
    """What an error of a reader says, in one line."""
    return plain((str(error).splitlines() or [type(error).__name__])[0])


def _read_csv(path: Path, columns: list[str], encoding: str | None) -> RawTable:
    return read_delimited(path, columns, encoding)


def _read_parquet(path: Path, columns: list[str], encoding: str | None) -> RawTable:
    found = find_columns(path.name, columns, list(pl.read_parquet_schema(path)))
    frame = read_whole(path, SourceError, list(dict.fromkeys(found.values())))
    return RawTable(frame.select(pl.col(there).alias(name) for name, there in found.items()))


READERS: dict[str, Callable[[Path, list[str], str | None], RawTable]] = {
    ".csv": _read_csv,
    ".csv.gz": _read_csv,
    ".tsv": _read_csv,
    ".tsv.gz": _read_csv,
    ".txt": _read_csv,
    ".parquet": _read_parquet,
    ".dta": read_stata,
    ".sav": read_spss,
    ".zsav": read_spss,
    ".sas7bdat": read_sas,
    ".xpt": read_sas_transport,
}


def _ending(path: Path) -> str:
    name = path.name.lower()
    return "".join(Path(name).suffixes[-2:]) if name.endswith(".gz") else path.suffix.lower()
