"""Tables as Stata's files, some rows at a time.

A .dta file says at its head how many rows follow, and all of them have one width. So each portion is written as a file
of its own, as wide as the whole table needs, and the rows of these files stand one after the other in the file.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import polars as pl

from laborllm.errors import CapacityError
from laborllm.storage import temporary_folder

COLUMNS, ROWS, LABEL_LENGTH = 32_767, 2_147_483_619, 80  # limits of Stata/SE (help limits)
TEXT_LENGTH = 2_045  # bytes of a text that stands in its row
LONG, WHOLE = 2_147_483_620, 2**53  # the largest long, and the last whole number that has a double
COUNT, NUMBER = b"<N>", struct.Struct("<q")
MAP, PLACES = b"<map>", struct.Struct("<14q")
ROWS_SECTION = 9  # of the map: where the rows begin


def write_stata(
    portions: Callable[[], Iterator[pl.DataFrame]], file: Path, labels: Mapping[str, str] | None = None
) -> int:
    """Write rows as a file of Stata 15, with one portion of them in memory.

    Args:
        portions: Gives the rows, some at a time, the same whenever it is called.
        file: File to write.
        labels: Variable labels by column, which Stata shows.

    Returns:
        How many rows were written.

    Raises:
        CapacityError: More columns or rows, or a longer text, than such a file holds.
    """
    import pyreadstat

    shape = _Shape.of(portions())
    short: dict[str, str | None] = {name: label[:LABEL_LENGTH] for name, label in (labels or {}).items()}
    with temporary_folder() as folder, file.open("wb") as whole:
        part, head, tail = folder / "part.dta", b"", b""
        for portion in portions():
            pyreadstat.write_dta(shape.ruled(portion), str(part), column_labels=short, version=15)
            first, rows, tail = _sections(part.read_bytes())
            if not head:
                head = first
                whole.write(head)
            whole.write(rows[len(rows) // (len(portion) + 1) :])
        length = whole.tell() - len(head)
        whole.write(tail)
        whole.seek(0)
        whole.write(_counted(head, shape.rows, length))
    return shape.rows


@dataclass(frozen=True)
class _Shape:
    """What a table needs as a whole.

    Attributes:
        rows: How many there are.
        widths: Bytes of the longest text by column.
        worker: The largest number of a worker, whatever its sign.
    """

    rows: int
    widths: Mapping[str, int]
    worker: int

    @classmethod
    def of(cls, portions: Iterable[pl.DataFrame]) -> Self:
        """Measure a table. Raises `CapacityError` where it is too large."""
        rows, widths, worker = 0, dict[str, int](), 0
        for portion in portions:
            if portion.width > COLUMNS:
                raise CapacityError(f"Stata holds {COLUMNS:,} columns, not {portion.width:,}: write the long layout")
            rows += len(portion)
            if portion.schema.get("worker") == pl.Int64:
                worker = max(worker, *(abs(number or 0) for number in _ends(portion["worker"])))
                portion = portion.with_columns(pl.col("worker").cast(pl.String))
            for text in portion.select(pl.col(pl.String)):
                widths[text.name] = max(widths.get(text.name, 0), _ends(text.str.len_bytes())[1] or 0)
        if rows > ROWS:
            raise CapacityError(f"Stata holds {ROWS:,} rows, not {rows:,}: write a file .parquet")
        for name, width in widths.items():
            if width > TEXT_LENGTH:
                raise CapacityError(
                    f"Stata's rows hold texts of {TEXT_LENGTH:,} bytes, and column {name} has one of {width:,}: "
                    "write a file .parquet"
                )
        return cls(rows, widths, worker)

    def ruled(self, portion: pl.DataFrame) -> pl.DataFrame:
        """A portion as it is written, after a row that has the width of the table."""
        rows = portion.with_columns(self._numbers) if portion.schema.get("worker") == pl.Int64 else portion
        ruler = pl.select(
            pl.lit("x" * self.widths[name] if kind == pl.String else None, kind).alias(name)
            for name, kind in rows.schema.items()
        )
        return pl.concat([ruler, rows])

    @property
    def _numbers(self) -> pl.Expr:
        """Workers who are whole numbers, kept every one: as long, as double, or else as text."""
        kind = pl.Int32() if self.worker <= LONG else pl.Int64() if self.worker <= WHOLE else pl.String()
        return pl.col("worker").cast(kind)


def _ends(numbers: pl.Series) -> tuple[int | None, int | None]:
    """The smallest and the largest whole number."""
    return numbers.min(), numbers.max()  # type: ignore[return-value]


def _sections(file: bytes) -> tuple[bytes, bytes, bytes]:
    """A file up to its rows, its rows, and what comes after them."""
    places = _places(file)
    start, end = places[ROWS_SECTION] + len("<data>"), places[ROWS_SECTION + 1] - len("</data>")
    return file[:start], file[start:end], file[end:]


def _places(file: bytes) -> list[int]:
    """Where each section of a file begins, and where it ends."""
    return list(PLACES.unpack_from(file, file.index(MAP) + len(MAP)))


def _counted(head: bytes, rows: int, size: int) -> bytes:
    """The head of a file with as many rows, which fill that many bytes."""
    places, counted = _places(head), bytearray(head)
    more = len(head) + size + len("</data>") - places[ROWS_SECTION + 1]
    moved = [place + more * (number > ROWS_SECTION) for number, place in enumerate(places)]
    PLACES.pack_into(counted, head.index(MAP) + len(MAP), *moved)
    NUMBER.pack_into(counted, head.index(COUNT) + len(COUNT), rows)
    return bytes(counted)
