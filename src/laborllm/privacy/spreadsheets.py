"""Cells of CSV files that a spreadsheet would take for a formula, and run.

A text that begins like one gets a quote mark in front, by which every spreadsheet knows it for a text.
"""

import re

import polars as pl

FORMULA = r"^[=+\-@\t\r]."
NUMBER = r"^[+-]?[\d.,]+(?:[eE][+-]?\d+)?\s?%?$"


def as_text(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; numbers stay as they are.

    Args:
        cell: What is to stand there.

    Examples:
        >>> as_text("=1+1"), as_text("-0.5"), as_text("cook")
        ("'=1+1", '-0.5', 'cook')
    """
    return f"'{cell}" if re.search(FORMULA, cell) and not re.search(NUMBER, cell) else cell


def as_texts(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows whose texts no spreadsheet takes for formulas, names of columns included.

    Args:
        rows: The rows of a table that is to be a CSV file.
    """
    texts = (pl.col(name) for name, kind in rows.schema.items() if kind == pl.String)
    return rows.with_columns(map(_quoted, texts)).rename({name: as_text(name) for name in rows.columns})


def _quoted(text: pl.Expr) -> pl.Expr:
    is_formula = text.str.contains(FORMULA) & ~text.str.contains(NUMBER)
    return pl.when(is_formula).then(pl.format("'{}", text)).otherwise(text).name.keep()
