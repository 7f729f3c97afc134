"""Tables of text, one row a line: cells between commas, semicolons, tabs or bars, in quote marks or not.

A quote mark encloses a cell only where it begins one, as spreadsheets, pandas, R and Stata have it; one within a cell,
as in 12" pipe, is a character like others. A quote that is never closed, or that swallows rows, is refused.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import polars as pl

from laborllm.errors import SourceError

SEPARATORS = ",;\t|"
CELLS = 2_000_000  # that are held as Python objects at a time
LARGEST = 2**29  # cells, each of which fills 16 bytes of memory before its text
END = "\x1e end of the file \x1e"
NARROW = 3  # columns below which a line of a cell is not taken for a row


def split_cells(name: str, text: str) -> tuple[list[str], pl.DataFrame]:
    """The names in the first line of a table, and the lines below as text; cells that a row lacks are null.

    Raises `SourceError` that names the line of a row with more cells than there are names, and of a quote mark that is
    not closed.
    """
    text = text.lstrip("\r\n")
    if not text.strip():
        raise SourceError(f"{name} is not a readable {Path(name).suffix} file: it is empty")
    declared, text, skipped = _declared_separator(text)
    first = text[: min(at for at in (text.find("\n"), text.find("\r"), len(text)) if at >= 0)]
    separator = declared or max(SEPARATORS, key=first.count)
    _require_size(name, text, separator, columns=first.count(separator) + 1)
    if '"' in text or "\n" not in text:  # old Macs end lines with only \r
        return _split_with_quotes(name, text, separator, skipped)
    try:
        options = {"separator": separator, "quote_char": None, "infer_schema": False, "has_header": False}
        lines = pl.read_csv(text.encode(), **options)  # type: ignore[arg-type]
    except pl.exceptions.PolarsError:
        return _split_with_quotes(name, text, separator, skipped)
    return [(name or "").strip() for name in lines.row(0)], lines[1:]


def _require_size(name: str, text: str, separator: str, columns: int) -> None:
    """Raise `SourceError` for a text of so many empty cells that memory has no room for them, as a small packed file
    may hold; cells with something in them are no more than their text is long."""
    lines = text.count("\n") + 1
    cells = max(lines * columns, text.count(separator))
    if cells > max(LARGEST, len(text) // 2):
        limit = f"no more than {LARGEST:,} are read where most are empty"
        raise SourceError(f"{name} has {cells:,} cells in {lines:,} lines: {limit}")


def _declared_separator(text: str) -> tuple[str | None, str, int]:
    """The separator that a first line `sep=;` tells spreadsheets, the lines below it, and how many lines it took."""
    line, _, rest = text.partition("\n")
    line = line.strip().strip('"')
    if line.lower().startswith("sep=") and len(line) == len("sep=;"):
        return line[-1], rest, 1
    return None, text, 0


@dataclass
class _Lines:
    """The lines of a text, and those taken since `taken` was last emptied."""

    text: str
    taken: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[str]:
        for line in chain(io.StringIO(self.text, newline=""), [END]):
            self.taken.append(line)
            yield line


def _split_with_quotes(name: str, text: str, separator: str, skipped: int) -> tuple[list[str], pl.DataFrame]:
    lines = _Lines(text if text.endswith(("\n", "\r")) else f"{text}\n")
    rows = _rows(name, lines, separator, skipped)
    header = [cell.strip() for cell in next(rows)]
    frames = [pl.DataFrame(schema=dict.fromkeys(_columns(header), pl.String))]
    chunk: list[list[str]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) * len(header) >= CELLS:
            frames.append(_frame(chunk, header))
            chunk = []
    return header, pl.concat([*frames, *([_frame(chunk, header)] if chunk else [])])


def _frame(rows: list[list[str]], header: list[str]) -> pl.DataFrame:
    full = [[*row, *[None] * (len(header) - len(row))] for row in rows]
    columns = zip(_columns(header), zip(*full, strict=True), strict=True)
    return pl.DataFrame([pl.Series(name, cells, pl.String) for name, cells in columns])


def _columns(header: list[str]) -> list[str]:
    return [f"column_{number}" for number in range(1, len(header) + 1)]


def _rows(name: str, lines: _Lines, separator: str, skipped: int) -> Iterator[list[str]]:
    """Header and rows, none wider than the header."""
    reader = csv.reader(lines, delimiter=separator)
    width, line = 0, skipped + 1
    try:
        for row in reader:
            if row == [END]:
                return
            if END in lines.taken:
                raise SourceError(f"{name}, line {line}: a quote mark begins a cell and no other ends it; {REMEDY}")
            width = width or len(row)
            _require_fit(f"{name}, line {line}", row, width, separator)
            _require_own_lines(name, line, row, lines.taken, width, separator)
            lines.taken.clear()
            line = skipped + reader.line_num + 1
            yield row[:width]
    except csv.Error as error:
        raise SourceError(f"{name}, line {line}: {error}; {REMEDY}") from error


REMEDY = "remove it, or write two of them where one belongs to the text"


def _require_fit(where: str, row: list[str], width: int, separator: str) -> None:
    """Raise `SourceError` for a row with more cells than there are columns, unless the others are empty."""
    if any(cell.strip() for cell in row[width:]):
        remedy = f"put a cell that has {separator!r} in its text into quote marks"
        if width == 1:
            remedy = "remove what stands above the line that names the columns"
        columns = f"{width} column{'' if width == 1 else 's'}"
        raise SourceError(f"{where}: {len(row)} cells, but the first line names {columns}; {remedy}")


def _require_own_lines(name: str, line: int, row: list[str], taken: list[str], width: int, separator: str) -> None:
    """Raise `SourceError` if a cell of several lines holds one that resembles a row: as many cells, figures where the
    row has figures."""
    if len(taken) == 1 or width < NARROW:
        return
    before = row[: next((at for at, cell in enumerate(row) if "\n" in cell or "\r" in cell), 0)]
    for offset, text in enumerate(taken[1:], start=1):
        cells = text.strip("\r\n").split(separator)
        alike = all(_has_figures(own) == _has_figures(other) for own, other in zip(before, cells, strict=False))
        if len(cells) == width and alike:
            raise SourceError(
                f"{name}, line {line}: a quote mark begins a cell that continues to line {line + len(taken) - 1}, and "
                f"line {line + offset} in it resembles a row; {REMEDY}"
            )


def _has_figures(cell: str) -> bool:
    return any(character.isdigit() for character in cell)
