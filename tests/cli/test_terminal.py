"""Where output goes: nobody reads it any more, it cannot hold every letter, or what is printed is meant to steer it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import polars as pl
import pytest

import laborllm as ll
from cli.commands import laborllm
from laborllm.cli import main

Capture = pytest.CaptureFixture[str]
ESCAPE = "\x1b]0;mine\x07"


@pytest.fixture
def unread() -> Iterator[TextIO]:
    """A pipe whose reader has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        yield stream


@pytest.mark.parametrize("command", ["--help", "fit career --help", "--version", "describe panel.parquet"])
def test_a_reader_that_has_gone_is_no_error(command: str, unread: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", unread)
    assert laborllm(command) == 0


def test_work_goes_on_though_nobody_reads_the_messages(unread: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with `2>&1 | head -1`: what was asked for is written, and the exit code says how it went."""
    monkeypatch.setattr(sys, "stderr", unread)
    assert laborllm("fit transition panel.parquet --out run") == 0
    assert laborllm("forecast run panel.parquet --out next.parquet") == 0
    assert Path("next.parquet").is_file()
    assert laborllm("describe nowhere.parquet") == 2


def test_no_standard_error_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert laborllm("fit transition panel.parquet --out run") == 0
    assert laborllm("describe nowhere.parquet") == 2


@pytest.mark.parametrize("name", ["a\udcffb.html", "é.html", "n" * 240 + ".html", "\udcff" * 240 + ".html"])
def test_names_that_are_no_text_or_long(name: str, capsys: Capture) -> None:
    """Bytes that are not UTF-8 come as half of a pair of surrogates."""
    assert main(["describe", "panel.parquet", "--out", name]) == 0
    capsys.readouterr()
    assert [entry for entry in os.listdir() if entry.endswith(".html")] == [name]  # noqa: PTH208


@pytest.mark.parametrize("verb", ["describe panel.parquet", "fit transition panel.parquet", "import nlswork"])
def test_a_name_with_a_zero_byte_is_one_line(verb: str, capsys: Capture) -> None:
    """It cannot be typed, but stand in a file of options."""
    assert main([*verb.split(), "--out", "a\0b.parquet"]) == 2
    said = capsys.readouterr().err
    assert "the value of --out holds a zero byte" in said
    assert said.count("\n") == 1


def test_no_message_steers_the_terminal(capsys: Capture) -> None:
    assert main(["describe", f"{ESCAPE}.parquet"]) == 2
    assert main(["evaluate", f"{ESCAPE}=nowhere", "panel.parquet"]) == 2
    assert capsys.readouterr().err.isprintable() is False  # of the newlines
    for word in ("describe", "evaluate"):
        assert main([word, ESCAPE]) == 2
    assert "\x1b" not in capsys.readouterr().err


def changed(panel: Path, records: pl.DataFrame, **about: str) -> None:
    """Write a panel file as someone who means harm would."""
    known = {name: text for name, text in pl.read_parquet_metadata(panel).items() if name.startswith("laborllm.")}
    records.write_parquet(panel, metadata=known | {f"laborllm.{name}": text for name, text in about.items()})


@pytest.mark.parametrize("column", ["worker", "gender", "dataset", "own"])
def test_no_value_of_a_panel_steers_the_terminal(column: str, capsys: Capture) -> None:
    records = pl.read_parquet("panel.parquet").with_columns(pl.lit(ESCAPE).alias(column))
    if column == "worker":
        records = records.unique("year", maintain_order=True)
    changed(Path("panel.parquet"), records)
    assert laborllm("describe panel.parquet") == 2
    assert f"{column} holds a character that steers a terminal" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["dataset", "source", "note", "group", "taxonomy", "title"])
def test_nothing_that_a_panel_says_of_itself_steers_the_terminal(place: str, capsys: Capture) -> None:
    file = Path("panel.parquet")
    known = pl.read_parquet_metadata(file)
    word = {"group": "All", "taxonomy": "invented", "title": "Cooks"}.get(place, "")
    taxonomy = known["laborllm.taxonomy"].replace(f'"{word}"', '"' + r"\u001b[2J" + '"')
    about = {
        "dataset": {"dataset": ESCAPE},
        "source": {"provenance": r'{"source": "\u001b[2J"}'},
        "note": {"provenance": r'{"source": "x", "notes": {"a": "\u202e"}}'},
    }.get(place, {"taxonomy": taxonomy})
    changed(file, pl.read_parquet(file), **about)
    assert laborllm("describe panel.parquet") == 2
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err


def test_no_cell_is_a_formula(panel: ll.Panel) -> None:
    """Of what people write: names of workers, and of groups."""
    asked = pl.read_parquet("panel.parquet").with_columns(
        pl.format("=cmd|' /C calc'!{}", "worker").alias("worker"), pl.lit("@SUM(1)").alias("own")
    )
    changed(Path("panel.parquet"), asked)
    assert laborllm("fit transition panel.parquet --out run") == 0
    assert laborllm("forecast run panel.parquet --top 1 --out next.csv") == 0
    assert laborllm("evaluate run panel.parquet --split train --by own --draws 40 --tables tables") == 0
    cells = pl.concat([pl.read_csv(file, infer_schema=False).unpivot() for file in Path().rglob("*.csv")])["value"]
    assert cells.str.starts_with("'=cmd|").any()
    assert cells.str.starts_with("'@SUM").any()
    assert not cells.str.contains(r"^[=@]").any()
    assert pl.read_csv("next.csv")["probability"].dtype == pl.Float64
