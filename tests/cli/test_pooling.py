"""Panels with different states on the command line: coarsened at import, or where they meet."""

from pathlib import Path

import polars as pl
import pytest

from cli.commands import laborllm
from laborllm.panel import Panel

MAPPING = """
dataset: OTHER
taxonomy: jobs.csv
states: [in_education, unemployed, not_in_labor_force]
worker: person
year: year
occupation: job
"""


@pytest.fixture
def survey(panel: Panel) -> None:
    """survey.csv with thirty people over the jobs of panel.parquet, and its mapping; ten of each state in 2001."""
    jobs = panel.taxonomy.without_states
    pl.DataFrame({"code": jobs.codes, "title": jobs.titles, "group": jobs.groups}).write_csv("invented.csv")
    states = ["in_education", "unemployed", "not_in_labor_force"]
    rows = [{"person": person, "year": 2000, "job": jobs.codes[person % 6]} for person in range(30)]
    rows += [{"person": person, "year": 2001, "job": states[person % 3]} for person in range(30)]
    pl.DataFrame(rows).write_csv("survey.csv")
    Path("survey.yaml").write_text(MAPPING.replace("jobs.csv", "invented.csv"))


@pytest.mark.usefixtures("survey")
def test_states_are_coarsened_at_import_or_where_panels_meet(capsys: pytest.CaptureFixture[str]) -> None:
    assert laborllm("import table survey.csv --map survey.yaml --out fine.parquet") == 0
    coarse_states = "--states in_education not_working"
    assert laborllm(f"import table survey.csv --map survey.yaml {coarse_states} --out coarse.parquet") == 0
    fine, coarse = Panel.load(Path("fine.parquet")), Panel.load(Path("coarse.parquet"))
    assert fine.taxonomy.states == ("in_education", "unemployed", "not_in_labor_force")
    assert coarse.taxonomy.states == ("in_education", "not_working")
    assert (coarse.records["occupation"] == "not_working").sum() == 20

    capsys.readouterr()
    assert laborllm("mix panel.parquet --add coarse.parquet --out pooled.parquet") == 0
    pooled = Panel.load(Path("pooled.parquet"))
    assert pooled.taxonomy.states == ("in_education", "not_working")
    assert f"states coarsened: {pooled.provenance.notes['states coarsened']}\n" in capsys.readouterr().err

    assert laborllm("mix panel.parquet --add fine.parquet --out finer.parquet") == 0
    assert "unemployed" in Panel.load(Path("finer.parquet")).taxonomy.states
    assert "coarsened" not in capsys.readouterr().err


@pytest.mark.usefixtures("survey")
def test_a_state_that_records_hold_cannot_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert laborllm("import table survey.csv --map survey.yaml --states not_working --out x.parquet") == 2
    assert "records of code in_education (In education), which is not among" in capsys.readouterr().err
    assert not Path("x.parquet").exists()
