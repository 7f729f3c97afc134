"""`import psid` on the command line: what goes into the cart, and one line for what is not an extract."""

from pathlib import Path

import pytest

from cli.commands import laborllm
from laborllm.panel import Panel
from sources.psid_extract import invent, write_extract


def test_an_extract_becomes_a_panel(capsys: pytest.CaptureFixture[str]) -> None:
    study = invent()
    write_extract(Path("J1.txt"), study.one_cart())
    assert laborllm("import psid J1.txt --out psid.parquet") == 0
    assert len(Panel.load(Path("psid.parquet"))) == len(study.records)
    assert f"{len(study.records)} records" in capsys.readouterr().err


def test_variables_for_the_cart(capsys: pytest.CaptureFixture[str]) -> None:
    assert laborllm("import psid --variables") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "once: ER30001 ER30002 ER32000"
    assert lines[-1].startswith("2021: ER34901 ER34902 ER34903 ")


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("import psid --out psid.parquet", "name the data file of the extract"),
        ("import psid J1.txt", "and the panel to write with --out; or ask for --variables"),
        ("import psid J1.txt --out psid.parquet", "no file at J1.txt"),
        ("import psid panel.parquet --out psid.parquet", "no statements next to panel.parquet"),
    ],
)
def test_a_mistake_is_one_line(command: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert laborllm(command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert line in err
    assert err.count("\n") == 1
    assert not Path("psid.parquet").exists()
