"""What the command line says of covariate values that a model never saw."""

from pathlib import Path

import polars as pl
import pytest

from cli.commands import laborllm
from laborllm.panel import Panel

KNOWN = "it knows: high school, some college, college"


@pytest.fixture
def respelt(panel: Panel) -> Panel:
    """A panel.parquet whose education is HS for 15 workers and gibberish for 3, with a model of the right words."""
    assert laborllm("fit logit panel.parquet --out run") == 0
    number = pl.col("worker").str.slice(1).cast(pl.Int64)
    education = pl.when(number < 15).then(pl.lit("HS")).when(number < 18).then(pl.lit("gibberish"))
    found = panel.part(panel.records.with_columns(education=education.otherwise("education")))
    found.save(Path("other.parquet"))
    return found


@pytest.mark.parametrize("verb", ["forecast --out next.parquet", "simulate --years 2009 --draws 10 --out years.csv"])
def test_one_line_names_what_ten_workers_have(verb: str, respelt: Panel, capsys: pytest.CaptureFixture[str]) -> None:
    name, options = verb.split(" ", 1)
    capsys.readouterr()
    assert laborllm(f"{name} run other.parquet {options}") == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "never saw" in line]
    records = respelt.records["education"].is_in(["HS", "gibberish"]).sum()
    about = (records + 2) // 5 * 5
    expected = f'run: education: about {about} of {len(respelt)} records have a value the model never saw ("HS", ...)'
    assert said == [f"{expected}, {KNOWN}"]


def test_a_value_of_few_workers_is_neither_counted_nor_named(
    respelt: Panel, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert laborllm("evaluate run other.parquet --split valid --draws 40 --by transition") == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "never saw" in line]
    asked = respelt.subset("valid")
    assert asked.records.filter(pl.col("education") == "HS")["worker"].n_unique() < 10
    assert said == [f"run: education: a few of {len(asked)} records have a value the model never saw, {KNOWN}"]


def test_nothing_is_said_of_known_and_missing_values(panel: Panel, capsys: pytest.CaptureFixture[str]) -> None:
    assert laborllm("fit logit panel.parquet --out run") == 0
    known = panel.subset("train")
    known.save(Path("known.parquet"))
    assert laborllm("forecast run known.parquet --out next.parquet") == 0
    assert "never saw" not in capsys.readouterr().err
