"""The headers of a Parquet file, checked before polars reads its rows.

polars takes the sizes that they state on trust: one that is negative, or beyond what there is, as a single flipped bit
makes it, asks for more memory than any machine has, and that ends the process, where Python could only watch.
"""

import mmap
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

END = b"PAR1"
TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, STRUCT = 1, 2, 3, 7, 8, 9, 10, 12  # types of Thrift's compact protocol
WHOLE = (4, 5, 6)
LONGEST_NUMBER = 10  # bytes
DEEPEST = 16  # levels of what stands in each other; a column is four levels down
ROWS, GROUPS = 3, 4  # fields of the footer, as the format's parquet.thrift numbers them
COLUMNS, GROUP_ROWS = 1, 3  # of a row group
CHUNK = 3  # of a column
PATH, VALUES, SIZE, FIRST_DATA, FIRST_INDEX = 3, 5, 7, 9, 11  # of a chunk
PLAIN_SIZE, PACKED_SIZE, DATA, DICTIONARY, DATA_2 = 2, 3, 5, 7, 8  # of the header of a page
VALUES_OF_PAGE = 1  # of the header of a page of data, or of a dictionary
LEVELS = (5, 6)  # of the header of a page of data, second version: the bytes of two of its parts


def require_sound_pages(path: Path) -> None:
    """Refuse a Parquet file whose headers state sizes that cannot be.

    Args:
        path: The file.

    Raises:
        polars.exceptions.ComputeError: A size is negative, larger than where it stands, or at odds with another.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                _require_sound(content)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise pl.exceptions.ComputeError(f"{path} is no Parquet file, or torn") from error


def count_values(path: Path) -> Counter[str]:
    """How many values each column of a Parquet file holds, where each of a list counts.

    Args:
        path: The file, whose headers are sound.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        chunks = [column[CHUNK] for group in _footer(content).get(GROUPS, []) for column in group[COLUMNS]]
    values: Counter[str] = Counter()
    for chunk in chunks:
        values[chunk[PATH][0].decode()] += chunk[VALUES]
    return values


def _footer(content: mmap.mmap) -> dict[int, Any]:
    end = len(content) - 8
    return _Reader(content, end - int.from_bytes(content[end : end + 4], "little")).struct()


def _require_sound(content: mmap.mmap) -> None:
    """Raise `ValueError` unless all sizes may be true, or what comes of a field that is missing or of another type."""
    end = len(content) - 8
    footer = _footer(content)
    groups = footer.get(GROUPS, [])
    _require(content[end + 4 : end + 8] == END and sum(group[GROUP_ROWS] for group in groups) == footer[ROWS])
    for group in groups:
        _require(group[GROUP_ROWS] >= 0)
        for column in group[COLUMNS]:
            chunk = column[CHUNK]
            _require(len(chunk[PATH]) > 1 or chunk[VALUES] == group[GROUP_ROWS])
            _require(_values(content, chunk, end) == chunk[VALUES])


def _values(content: mmap.mmap, chunk: dict[int, Any], end: int) -> int:
    """How many values the pages of a column chunk hold."""
    at = min(chunk[FIRST_DATA], chunk.get(FIRST_INDEX) or chunk[FIRST_DATA])
    last = at + chunk[SIZE]
    _require(0 <= at <= last <= end)
    values = 0
    while at < last:
        reader = _Reader(content, at)
        header = reader.struct()
        at = reader.at + header[PACKED_SIZE]
        _require(header[PLAIN_SIZE] >= 0 and reader.at <= at <= last)
        if DICTIONARY in header:
            _require(0 <= header[DICTIONARY][VALUES_OF_PAGE] <= header[PLAIN_SIZE])
        elif data := header.get(DATA) or header.get(DATA_2):
            levels = [data.get(level, 0) for level in LEVELS] if DATA_2 in header else [0]
            _require(data[VALUES_OF_PAGE] >= 0 and min(levels) >= 0 and sum(levels) <= header[PACKED_SIZE])
            values += data[VALUES_OF_PAGE]
    return values


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError


class _Reader:
    """Reads what Thrift's compact protocol wrote: structs, as values by the number of their field."""

    def __init__(self, content: mmap.mmap, at: int) -> None:
        _require(at >= 0)
        self.content = content
        self.at = at

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """The fields of a struct."""
        _require(depth < DEEPEST)
        found: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._whole()
            kind = head & 15
            found[field] = kind == TRUE if kind in (TRUE, FALSE) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in WHOLE:
            return self._whole()
        if kind in (TRUE, FALSE, BYTE):  # in a list
            return self._byte()
        if kind == STRUCT:
            return self.struct(depth + 1)
        if kind in (LIST, SET):
            return self._list(depth + 1)
        length = {DOUBLE: 8}[kind] if kind != BINARY else self._length()
        self.at += length
        return self.content[self.at - length : self.at]

    def _list(self, depth: int) -> list[Any]:
        _require(depth < DEEPEST)
        head = self._byte()
        length = head >> 4 if head >> 4 != 15 else self._length()
        return [self._value(head & 15, depth) for _ in range(length)]

    def _byte(self) -> int:
        self.at += 1
        return self.content[self.at - 1]

    def _length(self) -> int:
        """A number of 7 bits a byte, the lowest first."""
        number = 0
        for place in range(LONGEST_NUMBER):
            byte = self._byte()
            number |= (byte & 127) << 7 * place
            if byte < 128:
                return number
        raise ValueError

    def _whole(self) -> int:
        """A number that may be negative: 0, -1, 1, -2, ... are written as 0, 1, 2, 3, ..."""
        number = self._length()
        return (number >> 1) ^ -(number & 1)
