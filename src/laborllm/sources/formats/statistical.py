"""Files of Stata, SPSS and SAS, with their value labels."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyreadstat

from laborllm.errors import SourceError
from laborllm.occupations.crosswalk import normal_code
from laborllm.sources.formats.headers import find_columns
from laborllm.sources.formats.raw_table import RawTable, require_cells

SAS_RECORD = 80  # a SAS transport file is a whole number of records of this many bytes


def read_stata(path: Path, columns: list[str], encoding: str | None) -> RawTable:
    """Read columns of a Stata file (.dta), with their value labels.

    Args:
        path: The file.
        columns: The names of the columns to read.
        encoding: Of a file older than Stata 14; None: as the file says.

    Returns:
        The columns as the file has them, and the value labels.
    """
    return _read(pyreadstat.read_dta, path, columns, encoding)


def read_spss(path: Path, columns: list[str], encoding: str | None) -> RawTable:
    """Read columns of an SPSS file (.sav), with their value labels.

    Args:
        path: The file.
        columns: The names of the columns to read.
        encoding: Of its texts; None: as the file says.

    Returns:
        The columns as the file has them, and the value labels.
    """
    return _read(pyreadstat.read_sav, path, columns, encoding)


def read_sas(path: Path, columns: list[str], encoding: str | None) -> RawTable:
    """Read columns of a SAS file (.sas7bdat).

    Args:
        path: The file.
        columns: The names of the columns to read.
        encoding: Of its texts; None: as the file says.

    Returns:
        The columns as the file has them.
    """
    return _read(pyreadstat.read_sas7bdat, path, columns, encoding)


def read_sas_transport(path: Path, columns: list[str], encoding: str | None) -> RawTable:
    """Read columns of a SAS transport file (.xpt).

    Args:
        path: The file.
        columns: The names of the columns to read.
        encoding: Of its texts; None: as the file says.

    Returns:
        The columns as the file has them.

    Raises:
        OSError: The file is torn; the format does not say how many rows there are.
    """
    if path.stat().st_size % SAS_RECORD:  # the format does not say how many rows there are
        raise OSError(f"its size is not a multiple of {SAS_RECORD} bytes, so it is torn")
    return _read(pyreadstat.read_xport, path, columns, encoding)


def _read(
    read: Callable[..., tuple[pl.DataFrame, object]], path: Path, columns: list[str], encoding: str | None
) -> RawTable:
    options = {"output_format": "polars", "encoding": encoding}
    _, about = read(path, metadataonly=True, **options)
    found = find_columns(path.name, columns, about.column_names)  # type: ignore[attr-defined]
    require_cells(path.name, about.number_rows or 0, len(columns))  # type: ignore[attr-defined]
    frame, about = read(path, usecols=list(dict.fromkeys(found.values())), **options)
    labels: dict[str, dict[object, str]] = about.variable_value_labels  # type: ignore[attr-defined]
    named = frame.select(pl.col(there).alias(name) for name, there in found.items())
    return RawTable(named, {name: _labels(name, labels.get(there, {})) for name, there in found.items()})


def _labels(column: str, labels: dict[object, str]) -> dict[str, str]:
    plain: dict[str, str] = {}
    for code, label in labels.items():
        other = plain.setdefault(_label_code(code), label)
        if other != label:
            raise SourceError(f"column {column}: code {_label_code(code)} has two labels, {other!r} and {label!r}")
    return plain


def _label_code(code: object) -> str:
    whole = isinstance(code, float) and code.is_integer()
    return normal_code(str(int(code) if whole else code))  # type: ignore[call-overload]
