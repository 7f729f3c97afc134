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
    assert first == "Engineer, civil: 53, Civil engineers (same words, confidence 1.00)"
    assert second == "student: uncoded (no job, confidence 0.00)"
    assert laborllm("code-titles RN --json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found.pop("confidence") == pytest.approx(1, abs=0.01)
    assert found == {"title": "RN", "code": "95", "match": "same words"}


def test_a_column_of_a_table_is_coded(capsys: Capture) -> None:
    Path("own.csv").write_text("id,job\n1,RN\n2,\n3,RN\n4,student\n")
    assert laborllm("code-titles own.csv --column job --out coded.parquet") == 0
    assert pl.read_parquet("coded.parquet").select("title", "code").rows() == [("RN", "95"), ("student", None)]
    assert capsys.readouterr().err == "coded.parquet: 2 titles, 1 coded\n"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("code-titles a.csv b.csv --column job", "--column reads one file, and 2 are named"),
        ("code-titles nowhere.csv --column job", "no file at nowhere.csv"),
        ("code-titles RN --threshold 2", "the threshold is 2.0: it must be from 0 to 1"),
    ],
)
def test_bad_input(command: str, line: str, capsys: Capture) -> None:
    assert laborllm(command) == 2
    assert capsys.readouterr().err == f"laborllm: {line}\n"
