"""Fixed-width files: what is read, and the one line that answers a file or statements that do not fit."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laborllm.errors import SourceError
from laborllm.sources.formats.fixed_width import read_fixed_width
from sources.psid_extract import Row, write_extract

ROWS: list[Row] = [{"ER30001": 4, "V7712": 310, "W_1": 7.25}, {"ER30001": 1204, "V7712": 0, "W_1": 12.5}]


def _write(tmp_path: Path, data: str | bytes, statements: str, ending: str = ".sas") -> Path:
    path = tmp_path / "J1.txt"
    path.write_bytes(data.encode("latin-1") if isinstance(data, str) else data)
    path.with_suffix(ending).write_text(statements)
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    numbers=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 9)), min_size=1, max_size=5),
    dialect=st.sampled_from(["sas", "sps", "do"]),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_written_is_read(numbers: list[tuple[int, int]], dialect: str, newline: str, tmp_path: Path) -> None:
    for old in tmp_path.iterdir():
        old.unlink()
    path = write_extract(tmp_path / "J1.txt", [{"ER1": one, "V2": other} for one, other in numbers], dialect, newline)
    found = read_fixed_width(path, {"ER1", "V2", "V3"})
    assert found.frame.rows() == [(str(one), str(other)) for one, other in numbers]
    assert (found.frame.columns, found.statements) == (["ER1", "V2"], path.with_suffix(f".{dialect}"))


def test_only_what_is_wanted(tmp_path: Path) -> None:
    path = write_extract(tmp_path / "J1.txt", ROWS)
    assert read_fixed_width(path, {"W_1"}).frame.rows() == [("7.25",), ("12.5",)]


@pytest.mark.parametrize(
    ("data", "cells"),
    [
        ("12 3\n  45\n", [("12", "3"), (None, "45")]),
        ("12 3\r\n  45", [("12", "3"), (None, "45")]),
        ("12 3 \n12   \n\x1a", [("12", "3"), ("12", None)]),
        (b"\xef\xbb\xbf12 3\n", [("12", "3")]),
        ("Qu\xe93\n", [("Qu", "\xe93")]),
        ("12 3\n12 4\n\n", [("12", "3"), ("12", "4")]),
    ],
    ids=["blank", "no last newline", "blank at the end", "byte order mark", "Latin-1", "empty last line"],
)
def test_text_from_any_program(data: str | bytes, cells: list[tuple[str | None, ...]], tmp_path: Path) -> None:
    path = _write(tmp_path, data, "INPUT a 1 - 2 B $ 3 - 4 ;")
    assert read_fixed_width(path, {"A", "B"}).frame.rows() == cells


LAYOUT = "N_OF_OBSERVATIONS: 2\nINPUT A 1 - 2 B 3 - 4 ;"


@pytest.mark.parametrize(
    ("data", "statements", "message"),
    [
        ("1234\n12\n", LAYOUT, "J1.txt, line 2: 2 columns, but J1.sas describes 4: the file is cut off, or"),
        ("1234\n12345\n", LAYOUT, "J1.txt, line 2: 5 columns, but J1.sas describes 4"),
        ("1234\n\n1234\n", LAYOUT, "J1.txt, line 2: 0 columns"),
        ("1234\n", LAYOUT, "J1.txt holds 1 records, but J1.sas announces 2"),
        ("", LAYOUT, "J1.txt holds no records"),
        ("\r\n", LAYOUT, "J1.txt holds no records"),
        (b"12\x0034\n", LAYOUT, "J1.txt is not a text file: it holds zero bytes"),
        ("1234\n", "", r"J1.sas: cannot find the variables and their columns \(NAME first - last\)"),
        ("1234\n", "INPUT A B ;", r"J1.sas: cannot find the variables .*, at 'A'"),
        ("1234\n", "INPUT A 1 - 2 B 3-4 C ;", "J1.sas: cannot find the variables .*, at 'C'"),
        ("1234\n", "INPUT A 1 - 2 A 3 - 4 ;", "J1.sas: the variable A stands twice"),
        ("1234\n", "INPUT A 1 - 2 B 2 - 4 ;", "J1.sas: B cannot be in columns 2 - 4, after column 2"),
        ("1234\n", "INPUT A 2 - 1 ;", "J1.sas: A cannot be in columns 2 - 1, after column 0"),
        ("1234\n", "INPUT A 0 - 4 ;", "J1.sas: A cannot be in columns 0 - 4"),
    ],
)
def test_files_that_do_not_fit(data: str | bytes, statements: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read_fixed_width(_write(tmp_path, data, statements), {"A"})
    assert "\n" not in str(caught.value)


def test_no_file_or_no_statements(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no file at .*J1.txt"):
        read_fixed_width(tmp_path / "J1.txt", {"A"})
    path = _write(tmp_path, "1\n", "INPUT A 1 - 1 ;")
    with pytest.raises(SourceError, match=r"J1.sas holds statements: name the data file that they describe, J1.txt"):
        read_fixed_width(path.with_suffix(".sas"), {"A"})
    path.with_suffix(".sas").unlink()
    with pytest.raises(SourceError, match=r"no statements next to .*J1.txt: one of J1.sas, J1.sps, J1.do must say"):
        read_fixed_width(path, {"A"})


def test_statements_in_capitals(tmp_path: Path) -> None:
    path = _write(tmp_path, "1\n", "INPUT A 1 - 1 ;", ending=".SAS")
    assert read_fixed_width(path, {"A"}).frame.rows() == [("1",)]
