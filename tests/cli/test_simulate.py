"""Years to come on the command line: a table that other programs open, or one line."""

from pathlib import Path

import polars as pl
import pyreadstat
import pytest

import laborllm as ll
from cli.commands import laborllm
from laborllm.forecasting.summaries import probabilities
from laborllm.panel import Panel


def test_the_verb_writes_what_the_library_simulates(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    panel.save(Path("panel.parquet"))
    assert laborllm("fit transition panel.parquet --out run") == 0
    command = "simulate run panel.parquet --years 2005 2007 --draws 50 --seed 3"
    assert laborllm(f"{command} --out new/years.csv") == 0
    assert laborllm(f"{command} --top 2 --out years.dta") == 0
    paths = ll.simulate(ll.load("run"), panel, years=[2005, 2007], draws=50, seed=3)
    written = pl.read_csv("new/years.csv", schema_overrides={"code": pl.String})
    assert written["probability"].to_list() == pytest.approx(probabilities(paths)["probability"].to_list())
    stata, _ = pyreadstat.read_dta("years.dta")
    assert len(stata) == panel.workers * 2 * 2
    assert stata["title"].tolist() == probabilities(paths, top=2)["title"].to_list()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--years 1990 --out years.csv", "a record can be opened only after the last of its career"),
        ("--out years.csv", "say which years to open"),
        ("--years 2005 --out years.pdf", "let it end in .parquet, .csv, .dta"),
        ("--years 2005 --draws 0 --out years.csv", "at least 1"),
    ],
)
def test_what_cannot_be_simulated_is_one_line(
    options: str,
    message: str,
    panel: Panel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    panel.save(Path("panel.parquet"))
    assert laborllm("fit transition panel.parquet --out run") == 0
    capsys.readouterr()
    assert laborllm(f"simulate run panel.parquet {options}") == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("years*"))


def test_education_is_drawn_where_it_is_asked_for(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    panel.save(Path("panel.parquet"))
    assert laborllm("fit nemo panel.parquet --epochs 1 --out run") == 0
    command = "simulate run panel.parquet --years 2005 2007 --draws 40 --seed 3"
    assert laborllm(f"{command} --education-from panel.parquet --out drawn.csv") == 0
    assert "education drawn, other covariates held" in capsys.readouterr().err
    chain = ll.EducationChain.fit(panel)
    paths = ll.simulate(ll.load("run"), panel, years=[2005, 2007], draws=40, seed=3, education=chain)
    written = pl.read_csv("drawn.csv", schema_overrides={"code": pl.String})
    assert written["probability"].to_list() == pytest.approx(probabilities(paths)["probability"].to_list())
    assert laborllm(f"{command} --out held.csv") == 0
    assert written["probability"].to_list() != pl.read_csv("held.csv")["probability"].to_list()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--sample-titles", "this model samples no titles: a language model"),
        ("--education-levels college 'high school'", "does not say how education continues"),
        ("--education-levels college", "at least two different levels"),
        ("--education-levels college 'high school' --education-from panel.parquet", "not by both"),
    ],
)
def test_what_a_model_over_codes_cannot_draw(
    options: str,
    message: str,
    panel: Panel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    panel.save(Path("panel.parquet"))
    assert laborllm("fit transition panel.parquet --out run") == 0
    capsys.readouterr()
    assert laborllm(f"simulate run panel.parquet --years 2005 {options} --out years.csv") == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("years*"))
