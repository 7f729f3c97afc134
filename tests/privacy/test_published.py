"""Whoever reads all that a verb publishes of 200 people, in all its forms, recovers no cell that is withheld."""

import json
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import polars as pl
import pytest

import laborllm as ll
from cli.commands import laborllm
from laborllm.panel import Panel, Provenance
from laborllm.privacy.outputs import FILE
from privacy import published
from privacy.attack import Publication

LOST = {"no year of birth": 3, "not a job": 41, "year unreadable": 8}


@pytest.fixture(scope="module")
def panel() -> Panel:
    drawn = ll.import_synthetic(workers=200)
    return replace(drawn, provenance=Provenance("made up", rows_in=len(drawn) + sum(LOST.values()), left_out=LOST))


@pytest.fixture(scope="module")
def folder(panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the verbs write."""
    folder = tmp_path_factory.mktemp("outputs")
    panel.save(folder / "panel.parquet")
    ll.fit("transition", panel, out=folder / "run")
    panel_file = folder / "panel.parquet"
    commands = {
        "describe": f"describe {panel_file} --out {folder}/describe.html --json",
        "evaluate": f"evaluate {folder}/run again={folder}/run {panel_file} --by {' '.join(published.GROUPS)} "
        f"--out {folder}/evaluate.html --tables {folder}/tables --draws 40 --json",
        "backtest": f"backtest {folder}/run {panel_file} --origins 2007 2009 --horizon 2 --draws 10 --split train "
        f"--page {folder}/backtest.html --out {folder}/scores.csv --rates {folder}/rates.csv",
        "group": f"group {folder}/run {panel_file} --years 2031 2032 --by education --draws 10 "
        f"--out {folder}/group.csv --page {folder}/group.html",
        "audit": f"audit {folder}/run {panel_file} --out {folder}/audit.html --draws 40 --json",
    }
    for name, command in commands.items():
        with redirect_stdout(StringIO()) as printed:
            assert laborllm(command) == 0
        (folder / f"{name}.json").write_text(printed.getvalue())
    return folder


@pytest.mark.parametrize(
    ("verb", "least"),
    [("describe", 50), ("rows_of_the_source", 2), ("evaluate", 10), ("group", 3), ("card", 2)],
)
def test_nothing_is_recovered(verb: str, least: int, panel: Panel, folder: Path) -> None:
    publication: Publication = getattr(published, verb)(panel, folder)
    assert len(publication.shown) >= least
    assert publication.recovered() == set()


def test_nothing_is_recovered_of_a_backtest(panel: Panel, folder: Path) -> None:
    rates, scores = pl.read_csv(folder / "rates.csv"), pl.read_csv(folder / "scores.csv")
    assert rates["people"].null_count()
    assert scores["workers"].drop_nulls().min() >= 10  # type: ignore[operator]
    for publication in published.backtest(panel, folder):
        assert publication.recovered() == set()


@pytest.mark.parametrize("verb", ["rows_of_the_source", "group", "card"])
def test_nothing_is_recovered_over_whole_numbers(verb: str, panel: Panel, folder: Path) -> None:
    assert getattr(published, verb)(panel, folder).recovered(integer=True) == set()


def test_every_output_is_listed_with_its_status(folder: Path) -> None:
    listed = json.loads((folder / FILE).read_text())["files"]
    assert set(listed) == {
        *("describe.html", "evaluate.html", "backtest.html", "group.html", "audit.html"),
        *("scores.csv", "rates.csv", "group.csv"),
    }
    tables = json.loads((folder / "tables" / FILE).read_text())["files"]
    written = {path.name for path in (folder / "tables").iterdir()} - {FILE, "complete.json"}
    assert set(tables) == written
    for outputs in (*listed.values(), *tables.values()):
        for output in outputs:
            assert output["status"] == ("review" if output["withheld"] else "pass"), output["name"]
            assert output["summary"].startswith(output["status"])
            assert output["shown"] == sum(cell["status"] == "ok" for cell in output["cells"])
    flows = {(cell["origin"], cell["destination"]): cell["status"] for cell in listed["evaluate.html"][3]["cells"]}
    told = json.loads((folder / "evaluate.json").read_text())["flows"]
    assert flows == {
        (row["origin"], row["destination"]): "ok" if row["workers"] is not None else "threshold or complementary"
        for row in told
    }
