"""Tables of codes that a user brings along: taxonomies and crosswalks in CSV files."""

import csv
import re
import unicodedata
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from laborllm.errors import TaxonomyError


def read_own(path: Path, what: str) -> str:
    """The text of a user's CSV file. Raises `TaxonomyError` if it is not there or not UTF-8."""
    if not path.is_file():
        raise TaxonomyError(f"no {what} file at {path}")
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes().count(b"\n", 0, error.start) + 1
        raise TaxonomyError(f"{what} {path.name}, line {line}: not UTF-8; save it as 'CSV UTF-8'") from error
    except OSError as error:
        raise TaxonomyError(f"cannot read {what} {path}: {error.strerror or error}") from error


def table_rows(text: str, where: str) -> Iterator[tuple[str, list[str]]]:
    """The rows of a table as CSV, header first, without blank ones and without blanks around cells.

    Args:
        text: The table.
        where: What it is, for errors.

    Yields:
        Where a row begins, for errors about it, and its cells.

    Raises:
        TaxonomyError: A cell of several lines, as where a quote mark has no other, or one that is too long.
    """
    reader = csv.reader(StringIO(text, newline=""))
    place = f"{where}, line 1"
    try:
        for row in reader:
            if any("\n" in cell or "\r" in cell for cell in row):
                raise TaxonomyError(f"{place}: a quote mark begins a cell that goes on in the next line; remove it")
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield place, cells
            place = f"{where}, line {reader.line_num + 1}"
    except csv.Error as error:
        raise TaxonomyError(f"{place}: {error}") from error


def column_name(written: str) -> str:
    """The name of a column whatever its case, whichever keyboard wrote it, and with _ for blanks and hyphens.

    Of Turkish keyboards are a capital i with a point and a small one without.
    """
    letters = unicodedata.normalize("NFC", written.casefold().replace("i\u0307", "i").replace("\u0131", "i"))
    return re.sub(r"[\s_-]+", "_", letters.strip())
