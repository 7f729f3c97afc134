"""Fixed-width text as data archives hand it out: records, and statements for SAS, SPSS or Stata that say what is where.

Of the statements only the layout is read: the name of each variable, its first and its last column.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from laborllm.errors import SourceError

LAYOUTS = {
    ".sas": re.compile(r"\bINPUT\b(.*?);", re.DOTALL | re.IGNORECASE),
    ".sps": re.compile(r"\bDATA\s+LIST\b[^/]*/(.*?)^\s*\.", re.DOTALL | re.IGNORECASE | re.MULTILINE),
    ".do": re.compile(r"\binfix\b(.*?)\busing\b", re.DOTALL | re.IGNORECASE),
}
"""Where the layout stands in the statements, by the ending of their file."""

FIELD = re.compile(r"\b([A-Z_]\w*)\s+\$?\s*(\d+)\s*-\s*(\d+)\b", re.IGNORECASE)
STORAGE_TYPE = re.compile(r"\b(byte|int|long|float|double|str\d*)\b", re.IGNORECASE)  # Stata's, before a name
ANNOUNCED = re.compile(r"N_OF_OBSERVATIONS\s*:\s*(\d+)")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
END_OF_FILE = b"\r\n\x1a"  # the last as old Windows programs mark it


@dataclass(frozen=True)
class FixedWidthFile:
    """Records as text.

    Attributes:
        path: The file of records.
        statements: The file that says where in a record each variable stands.
        frame: A stripped cell per record and variable, null where it is blank.
    """

    path: Path
    statements: Path
    frame: pl.DataFrame


@dataclass(frozen=True)
class Layout:
    """Which columns of a record hold which variable.

    Attributes:
        variables: Name, in upper case, -> first and last column, from 1.
        announced: How many records there should be, where the statements say so.
    """

    variables: dict[str, tuple[int, int]]
    announced: int | None

    @property
    def width(self) -> int:
        """How many characters a record has."""
        return max(last for _, last in self.variables.values())


def read_fixed_width(path: Path, wanted: Collection[str]) -> FixedWidthFile:
    """The `wanted` variables that the file at `path` has, read as the statements next to it lay them out.

    Raises `SourceError` if the file or its statements are missing, are not what they should be, or do not fit.
    """
    if not path.is_file():
        raise SourceError(f"no file at {path}")
    statements = _find_statements(path)
    layout = read_layout(statements)
    records = _read_records(path, statements, layout)
    fields = {name: columns for name, columns in layout.variables.items() if name in wanted}
    cells = {name: _cells(records, first, last) for name, (first, last) in fields.items()}
    return FixedWidthFile(path, statements, pl.DataFrame(cells, schema=dict.fromkeys(cells, pl.String())))


def read_layout(statements: Path) -> Layout:
    """The layout that a file of SAS, SPSS or Stata statements describes.

    Args:
        statements: The file; its ending says of which program.

    Returns:
        The layout.

    Raises:
        SourceError: The variables and their columns are not found, or overlap.
    """
    text = statements.read_bytes().decode("latin-1")
    section = LAYOUTS[statements.suffix.lower()].search(text)
    fields = FIELD.findall(section[1]) if section else []
    unread = STORAGE_TYPE.sub("", FIELD.sub("", section[1])).split() if section else []
    if not fields or unread:
        found = f", at {unread[0]!r}" if unread else ""
        raise SourceError(f"{statements.name}: cannot find the variables and their columns (NAME first - last){found}")
    announced = ANNOUNCED.search(text)
    layout = Layout(
        {name.upper(): (int(first), int(last)) for name, first, last in fields},
        int(announced[1]) if announced else None,
    )
    _require_order(statements, fields)
    return layout


def _find_statements(path: Path) -> Path:
    if path.suffix.lower() in LAYOUTS:
        raise SourceError(f"{path.name} holds statements: name the data file that they describe, {path.stem}.txt")
    found = {other.suffix.lower(): other for other in path.parent.iterdir() if other.stem.lower() == path.stem.lower()}
    for ending in LAYOUTS:
        if ending in found:
            return found[ending]
    names = ", ".join(f"{path.stem}{ending}" for ending in LAYOUTS)
    raise SourceError(f"no statements next to {path}: one of {names} must say what stands in which column")


def _require_order(statements: Path, fields: list[tuple[str, str, str]]) -> None:
    """Raise `SourceError` unless the fields follow each other, each with its own name."""
    names: set[str] = set()
    end = 0
    for name, first, last in fields:
        if name.upper() in names:
            raise SourceError(f"{statements.name}: the variable {name} stands twice")
        if not end < int(first) <= int(last):
            raise SourceError(f"{statements.name}: {name} cannot be in columns {first} - {last}, after column {end}")
        names.add(name.upper())
        end = int(last)


def _read_records(path: Path, statements: Path, layout: Layout) -> list[bytes]:
    content = path.read_bytes().removeprefix(BYTE_ORDER_MARK)
    if b"\0" in content:
        raise SourceError(f"{path.name} is not a text file: it holds zero bytes")
    if not content.strip(END_OF_FILE):
        raise SourceError(f"{path.name} holds no records")
    width = layout.width
    records = [record.rstrip(b"\r") for record in content.rstrip(END_OF_FILE).split(b"\n")]
    for number, record in enumerate(records, start=1):
        if len(record) < width or record[width:].strip():
            raise SourceError(
                f"{path.name}, line {number}: {len(record)} columns, but {statements.name} describes {width}: "
                f"the file is cut off, or the statements belong to another"
            )
    if layout.announced not in (None, len(records)):
        raise SourceError(
            f"{path.name} holds {len(records)} records, but {statements.name} announces {layout.announced}: "
            f"the file is cut off, or the statements belong to another"
        )
    return records


def _cells(records: list[bytes], first: int, last: int) -> list[str | None]:
    return [record[first - 1 : last].decode("latin-1").strip() or None for record in records]
