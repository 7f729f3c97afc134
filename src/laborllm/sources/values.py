"""What the cells of one column say: codes, texts and numbers, from the text that `raw` leaves in every cell."""

from collections.abc import Iterable, Mapping

import polars as pl

from laborllm.errors import SourceError
from laborllm.panel.panel import YEARS

SHOWN = 5  # offending values that an error lists


def code(column: str) -> pl.Expr:
    """The codes of a column as `normal_code` writes them: 0010 and 10 are one code."""
    digits = pl.col(column).str.strip_chars_start("0")
    return pl.when(digits == "").then(pl.lit("0")).otherwise(digits)


def recode(codes: pl.Series, recoding: Mapping[str, str | None], what: str) -> pl.Series:
    """Each code as `recoding` says, null where it says None. Raises `SourceError` for a code that it does not list."""
    _refuse(codes, sorted(set(codes.unique().drop_nulls()) - set(recoding)), f"{what}: no meaning is given for")
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

    Without labels or values a cell's own text is taken, in lower case; a bare number would say nothing in a career
    text, so it raises `SourceError`.
    """
    recoding = (
        {label_of: text.lower() for label_of, text in labels.items()} | dict.fromkeys(missing) | dict(values or {})
    )
    if values is None:
        own = [text for text in codes.unique().drop_nulls() if not _is_number(text)]
        recoding = {text: text.lower() for text in own} | recoding
    return recode(codes, recoding, what)


def years(codes: pl.Series, what: str, *, recoding: Mapping[str, str | None]) -> pl.Series:
    """Calendar years (Int16). Raises `SourceError` for a cell that is not one."""
    text = codes.replace(dict(recoding))
    number = text.cast(pl.Int64, strict=False)
    bad = text.filter(text.is_not_null() & ~number.is_between(*YEARS).fill_null(False))
    _refuse(bad, bad.unique().sort().to_list(), f"{what}: not a year from {YEARS[0]} to {YEARS[1]}:")
    return number.cast(pl.Int16)


def weights(cells: pl.Series, what: str, *, missing: Iterable[str]) -> pl.Series:
    """Numbers (Float64). Raises `SourceError` for a cell that is not one."""
    text = cells.replace(dict.fromkeys(missing))
    number = text.cast(pl.Float64, strict=False)
    bad = text.filter(text.is_not_null() & number.is_null())
    _refuse(bad, bad.unique().sort().to_list(), f"{what}: not a number:")
    return number


def _refuse(cells: pl.Series, offending: list[str], message: str) -> None:
    if not offending:
        return
    shown = ", ".join(f"{value!r} ({(cells == value).sum()} rows)" for value in offending[:SHOWN])
    more = f" and {len(offending) - SHOWN} more values" if len(offending) > SHOWN else ""
    raise SourceError(f"{message} {shown}{more}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
