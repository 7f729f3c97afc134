"""One plain form of any table: text in every cell.

A code is the same code whether a file holds it as the number 10, as 10.0 or as the text " 10 ", so cells become text
here, once, and nothing above has to ask what the file's types were.
"""

from dataclasses import dataclass, field

import polars as pl

from laborllm.errors import SourceError
from laborllm.sources.formats.text import plain, plain_cells

LARGEST_INTEGER = 2**53  # above it a float no longer holds every integer
LARGEST_TABLE = 2**29  # cells that a Stata, SPSS or SAS file may hold: a small one can claim any number


@dataclass(frozen=True)
class RawTable:
    """Rows of text.

    Attributes:
        frame: The rows; null where the file has nothing (an empty cell, a blank, NaN, a user-missing value).
        labels: Column -> code -> value label, for the formats that carry them; codes as `normal_code` writes them.
        files: Name -> SHA-256 of what the rows came from.
        notes: Where else they came from, and what the reader had to decide, such as an encoding.
    """

    frame: pl.DataFrame
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def in_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Every cell as text, null where there is nothing. Raises `SourceError` for a column of lists, bytes or objects."""
    return frame.select(text_columns(frame.schema))


def text_columns(schema: pl.Schema) -> list[pl.Expr]:
    """The expressions that turn the columns of a table into text, as `in_text` has them.

    Args:
        schema: Names and types of the columns.

    Returns:
        An expression per column.

    Raises:
        SourceError: A column that holds neither text nor numbers.
    """
    for name, dtype in schema.items():
        if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
            raise SourceError(f"column {plain(name)!r} holds {dtype}, which is neither text nor number")
    return [_cell_text(pl.col(name), dtype).alias(name) for name, dtype in schema.items()]


def _cell_text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype.is_float():
        return _float_text(column)
    if isinstance(dtype, pl.BaseExtension):  # such as the numeric of PostgreSQL
        column = column.ext.storage()
    return plain_cells(column.cast(pl.String)).str.replace(r"^(-?\d+)\.0+$", "$1")


def _float_text(column: pl.Expr) -> pl.Expr:
    number = column.fill_nan(None)
    whole = (number == number.round()) & (number.abs() < LARGEST_INTEGER)
    return pl.when(whole).then(number.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(number.cast(pl.String))


def require_cells(name: str, rows: int, columns: int) -> None:
    """Refuse a table that is too large to be read whole.

    Args:
        name: Of the file, for the error.
        rows: How many rows it has.
        columns: How many of its columns are read.

    Raises:
        SourceError: More than `LARGEST_TABLE` cells.
    """
    if rows * columns > LARGEST_TABLE:
        raise SourceError(f"{name} holds {rows:,} rows: tables of more than {LARGEST_TABLE:,} cells are not read whole")
