"""Cells of CSV files that a spreadsheet would run."""

import polars as pl
import pytest

from laborllm.privacy.spreadsheets import as_text, as_texts

COMMANDS = ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1", "\r=1", '=HYPERLINK("x")', "-" * 2]
HARMLESS = ["", "cook", "-0.5", "+3", "1=2", "-1,234.5", "-3e-05", "-12 %", "-", "a@b", "'=1"]


@pytest.mark.parametrize("cell", [*COMMANDS, *HARMLESS])
def test_a_formula_becomes_a_text(cell: str) -> None:
    expected = f"'{cell}" if cell in COMMANDS else cell
    assert as_text(cell) == expected
    assert as_texts(pl.DataFrame({"a": [cell, None]}))["a"].to_list() == [expected, None]
    assert as_texts(pl.DataFrame({cell: [1]})).columns == [expected]


def test_numbers_stay_numbers() -> None:
    frame = pl.DataFrame({"a": [-1, 2], "b": [-0.5, 1.0], "c": [True, False]})
    assert as_texts(frame).equals(frame)
