"""Coding titles from the command line."""

import json
from pathlib import Path

import polars as pl
import pytest

from cli.commands import laborllm

Capture = pytest.CaptureFixture[str]


def test_titles_are_printed_with_their_occupation(capsys: Capture) -> None:
    assert laborllm('code-titles "Engineer, civil" student') == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "Engineer, civil: 53, Civil engineers (same words, confidence 0.89)"
    assert second == "student: uncoded (no job, confidence 0.00)"
    assert laborllm("code-titles RN --json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found.pop("confidence") == pytest.approx(0.93, abs=0.01)
    assert found == {"title": "RN", "code": "95", "match": "same words"}


def test_a_column_of_a_table_is_coded(capsys: Capture) -> None:
    Path("own.csv").write_text("id,job\n1,RN\n2,\n3,RN\n4,student\n")
    assert laborllm("code-titles own.csv --column job --out coded.parquet") == 0
    assert pl.read_parquet("coded.parquet").select("title", "code").rows() == [("RN", "95"), ("student", None)]
    assert capsys.readouterr().err == "coded.parquet: 2 titles, 1 coded\n"


def test_corrections_come_first(capsys: Capture) -> None:
    Path("own.csv").write_text("title,code,why\nCrew Ninja,444,asked\nrn,207,\n")
    assert laborllm('code-titles "crew ninja" RN Cashier --corrections own.csv') == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == "crew ninja: 444, Other food service workers (correction, confidence 1.00)"
    assert second == "RN: 207, Licensed practical nurses (correction, confidence 1.00)"
    assert third.startswith("Cashier: 276, ")


def test_uncoded_titles_are_counted(capsys: Capture) -> None:
    Path("own.csv").write_text("job\nninja\nRN\nstudent\nstudent\nRN\n")
    assert laborllm("code-titles own.csv --column job --uncoded") == 0
    assert capsys.readouterr().out.split() == ["2", "student", "1", "ninja"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("job,code\nRN,95\n", "corrections own.csv: the first line must name the columns title and code"),
        ("title,code\nRN,\n", "corrections own.csv, line 2: expected a title and a code"),
        ("title,code\nRN,95\nRN,96\n", "corrections own.csv, line 3: 'RN' has two codes"),
        (
            "title,code\nnurse RN,95\nRN Nurse,276\n",
            "correction of 'RN Nurse': another title of the same words has another code",
        ),
        ("title,code\nRN,9999\n", "correction of 'RN': '9999' is no code of taxonomy occ1990dd"),
        ("title,code\n!!,95\n", "correction of '!!': the title has no words"),
    ],
)
def test_bad_corrections(text: str, line: str, capsys: Capture) -> None:
    Path("own.csv").write_text(text)
    assert laborllm("code-titles RN --corrections own.csv") == 2
    assert capsys.readouterr().err == f"laborllm: {line}\n"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("code-titles a.csv b.csv --column job", "--column reads one file, and 2 are named"),
        ("code-titles RN --corrections nowhere.csv", "no corrections file at nowhere.csv"),
        ("code-titles nowhere.csv --column job", "no file at nowhere.csv"),
        ("code-titles RN --threshold 2", "the threshold is 2.0: it must be from 0 to 1"),
    ],
)
def test_bad_input(command: str, line: str, capsys: Capture) -> None:
    assert laborllm(command) == 2
    assert capsys.readouterr().err == f"laborllm: {line}\n"
