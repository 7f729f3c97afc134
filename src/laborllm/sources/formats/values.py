"""What the cells of one column say: codes, texts and numbers, from the text that `raw` leaves in every cell."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from string import ascii_letters

import polars as pl

from laborllm.errors import PanelError, SourceError
from laborllm.occupations.crosswalk import normal_code
from laborllm.panel.schema import YEARS, RecordError
from laborllm.sources.formats.text import plain

SHOWN = 5  # offending values that an error lists
LONGEST_SHOWN = 40  # characters of one

ERRORS = frozenset(
    [
        "?",
        "#VALUE!",
        "#REF!",
        "#DIV/0!",
        "#NAME?",
        "#NUM!",
        "#NULL!",
        "#SPILL!",
        "#CALC!",
        "#FIELD!",
        "#BLOCKED!",
        "#CONNECT!",
        "#GETTING_DATA",
    ]
)
"""What spreadsheets leave in a cell that they could not calculate, and the sign for what nobody knows."""

NOT_AVAILABLE = ERRORS | frozenset(
    [
        *(".", "..", "._", *(f".{letter}" for letter in ascii_letters)),
        *("NA", "na", "<NA>", "#NA", "#N/A", "#N/A N/A", "N/A", "n/a", "N.A.", "n.a.", "None", "<none>"),
        *("NULL", "Null", "null", "(null)", "[null]", "<null>", "nil", r"\N", "NaT", "nat"),
        *(f"{sign}{word}" for word in ("NaN", "nan", "NAN", "1.#IND", "1.#QNAN") for sign in ("", "-")),
        *("-", "--", "---", "\u2013", "\u2014"),
    ]
)
"""How Stata, SAS, R, pandas, databases, spreadsheets and statistical offices write that a value is missing."""

NO_KEY = NOT_AVAILABLE | frozenset(
    form(word)
    for word in ("none", "missing", "unknown", "not available", "not known")
    for form in (str, str.capitalize, str.upper)
)
"""What names no worker and is no number either; as a word of a covariate it may be an answer."""

MONTH = "(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
SPREADSHEET = (
    r"\d(?:\.\d+)?[eE]\+\d+"  # 1E+01 of 10
    rf"|\d{{1,2}}[- ]{MONTH}(?:[- ]\d{{2,4}})?|{MONTH}[- ]\d{{2,4}}"  # 10-Jan of 10-1
    r"|\d{1,2}/\d{1,2}/\d{2,4}|\d{4}-\d{2}-\d{2}(?:[ T][\d:.]+)?"
)
"""What spreadsheet programs make of a code: a rounded number, or a date."""


class CellError(SourceError):
    """Cells of a column cannot be used; `position` is the place of the first of them among those that were read."""

    def __init__(self, message: str, position: int, *, cells: str) -> None:
        super().__init__(message, cells=cells)
        self.position = position


@contextmanager
def rows_named(rows: pl.Series, source: str) -> Iterator[None]:
    """Say in the errors of columns and records within the block in which row of the source the first at fault stands.

    Args:
        rows: The number of each row of these columns, or of these records, in the source, from 1, (n,).
        source: What the source is called.

    Raises:
        SourceError: In place of a `CellError`.
        PanelError: In place of a `RecordError`.
    """
    try:
        yield
    except CellError as error:
        where = f"{source}, {error}, the first in row {rows[error.position]:,}"
        raise SourceError(where, cells=error.cells) from error
    except RecordError as error:
        raise PanelError(f"{source}, row {rows[error.position]:,}: {error.what}") from error


def code(column: str) -> pl.Expr:
    """The codes of a column as `normal_code` writes them: 0010 and 10 are one code."""
    digits = pl.col(column).str.strip_chars_start("0")
    return pl.when(digits == "").then(pl.lit("0")).otherwise(digits)


def refuse_mangled(codes: pl.Series, what: str) -> None:
    """Raise `SourceError` for codes that a spreadsheet program has made numbers or dates of: they are lost."""
    mangled = codes.filter(codes.str.contains(f"^(?:{SPREADSHEET})$").fill_null(False))
    _refuse(codes, mangled.unique().sort().to_list(), f"{what}: not as the source wrote it (export it as text):")


def recode(codes: pl.Series, recoding: Mapping[str, str | None], what: str) -> pl.Series:
    """Give each code the text that a mapping has for it.

    Args:
        codes: Cells of a column.
        recoding: Code -> text, or None for missing.
        what: What the column is, for the error.

    Returns:
        Texts, null where the mapping says None.

    Raises:
        SourceError: A code that the mapping does not list.
    """
    unlisted = sorted(set(codes.unique().drop_nulls()) - set(recoding))
    _refuse(codes, unlisted, f"{what}: the mapping must list, under 'values' or 'missing',")
    return codes.replace_strict(dict(recoding), default=None, return_dtype=pl.String)


def texts(
    codes: pl.Series,
    what: str,
    *,
    values: Mapping[str, str | None] | None,
    labels: Mapping[str, str],
    missing: Iterable[str],
) -> pl.Series:
    """The words of a covariate: what the mapping's `values` say, else the value label in lower case.

    Without labels or values a cell's own text is taken, in lower case; a bare number would say nothing in a resume.

    Args:
        codes: Cells of a column.
        what: What the column is, for the error.
        values: Code -> text, or None for missing; None where the mapping has no values.
        labels: Code -> value label of the file.
        missing: Codes that stand for a missing answer.

    Returns:
        Words, null where missing.

    Raises:
        SourceError: A bare number without label, or a label that two codes share.
    """
    own = [text for text in codes.unique().drop_nulls() if values is None and not _is_number(text)]
    words = {text: _plain(text) for text in own} | {number: _plain(label) for number, label in labels.items()}
    said = dict.fromkeys(missing) | dict(values or {})
    _refuse_shared([code for code in labels if code not in said and (codes == code).any()], words, what)
    return recode(codes, words | said, what)


def years(codes: pl.Series, what: str, *, recoding: Mapping[str, str | None]) -> pl.Series:
    """Calendar years.

    Args:
        codes: Cells of a column.
        what: What the column is, for the error.
        recoding: Cell -> year, or None for missing, for cells that are no year themselves.

    Returns:
        Years (Int16), null where missing.

    Raises:
        SourceError: A cell that is not a year.
    """
    text = codes.replace(dict.fromkeys(NO_KEY) | dict(recoding))
    number = text.cast(pl.Int64, strict=False)
    bad = text.filter(text.is_not_null() & ~number.is_between(*YEARS).fill_null(False))
    _refuse(text, bad.unique().sort().to_list(), f"{what}: not a year from {YEARS[0]} to {YEARS[1]}:")
    return number.cast(pl.Int16)


@dataclass(frozen=True)
class NumberFormat:
    """How numbers are written: what stands before decimals, and between thousands if anything does."""

    decimal: str = "."
    thousands: str | None = None

    def parse(self, cells: pl.Series) -> pl.Series:
        """Numbers (Float64), null for a cell that is none."""
        if self.thousands is not None:
            grouped = rf"^-?\d{{1,3}}(?:{re.escape(self.thousands)}\d{{3}})*(?:{re.escape(self.decimal)}\d*)?$"
            bare = cells.str.replace_all(self.thousands, "", literal=True)
            cells = cells.zip_with(~cells.str.contains(grouped).fill_null(False), bare)
        if self.decimal != ".":
            cells = cells.str.replace(".", "?", literal=True).str.replace(self.decimal, ".", literal=True)
        return cells.cast(pl.Float64, strict=False)


def weights(
    cells: pl.Series, what: str, *, missing: Iterable[str], numbers: NumberFormat = NumberFormat()
) -> pl.Series:
    """Numbers, such as sampling weights or wages.

    Args:
        cells: Cells of a column.
        what: What the column is, for the error.
        missing: Cells that stand for a missing answer.
        numbers: How decimals and thousands are marked.

    Returns:
        Numbers (Float64), null where missing.

    Raises:
        SourceError: A cell that is not a number.
    """
    text = cells.replace(dict.fromkeys([*NO_KEY, *missing]))
    number = numbers.parse(text)
    bad = text.filter(text.is_not_null() & number.is_null())
    remedy = " (for decimal commas or marks between thousands, say 'decimal' or 'thousands' in the mapping)"
    _refuse(
        text, bad.unique().sort().to_list(), f"{what}: not a number{remedy if bad.str.contains('[,. ]').any() else ''}:"
    )
    return number


def own(cells: pl.Series, *, labels: Mapping[str, str], missing: Iterable[str], numbers: NumberFormat) -> pl.Series:
    """A column of the user's own, in the type that its cells have.

    Value labels where all codes have one, else integers or numbers where all cells are, else texts. An integer with a
    zero before it, such as 0010, is a text.

    Args:
        cells: Cells of the column.
        labels: Code -> value label of the file.
        missing: Cells that stand for a missing answer.
        numbers: How decimals and thousands are marked.

    Returns:
        The column in its type, null where missing.
    """
    text = cells.replace(dict.fromkeys(missing))
    distinct = text.drop_nulls().unique()
    codes = {cell: normal_code(cell) for cell in distinct}
    if len(distinct) and all(code in labels for code in codes.values()):
        return text.replace_strict({cell: plain(labels[code]) for cell, code in codes.items()}, return_dtype=pl.String)
    if distinct.str.contains(r"^-?(?:0|[1-9]\d{0,17})$").all():
        return text.cast(pl.Int64)
    if not distinct.str.contains(r"^0\d").any() and not numbers.parse(distinct).has_nulls():
        return numbers.parse(text)
    return text


def _refuse_shared(codes: Iterable[str], words: Mapping[str, str], what: str) -> None:
    first: dict[str, str] = {}
    for number in codes:
        other = first.setdefault(words[number], number)
        if other != number:
            label = words[number]
            raise SourceError(
                f"{what}: {other} and {number} have the same label {label!r}; say under 'values' what each becomes"
            )


def _refuse(cells: pl.Series, offending: list[str], message: str) -> None:
    if not offending:
        return
    count = rows(int(cells.is_in(offending).sum()))
    values = f"{len(offending):,} values" if len(offending) > 1 else "a value"
    listed = (f"{cut(value)!r} ({rows(int((cells == value).sum()))})" for value in offending[:SHOWN])
    first = int(cells.is_in(offending).arg_true()[0])
    raise CellError(f"{message} {values} in {count}", first, cells=", ".join(listed))


def cut(cell: str) -> str:
    """A cell as an error shows it: not longer than a line has room for."""
    return cell if len(cell) <= LONGEST_SHOWN else f"{cell[:LONGEST_SHOWN]}..."


def rows(count: int) -> str:
    """A count of rows in words."""
    return f"{count:,} row{'' if count == 1 else 's'}"


def _plain(text: str) -> str:
    """One line in lower case, as words stand in a career text."""
    return plain(text.lower())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
