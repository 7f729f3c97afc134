"""An economist with a survey's raw extract: to a panel with its design, a fit, and a table in LaTeX for a paper."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyreadstat
import pytest

import laborllm as ll
from cli.commands import laborllm
from laborllm.evaluation.bootstrap import ClusterBootstrap
from sources import invented
from sources.invented_nlsy97 import columns, people

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def extract() -> list[Path]:
    """An extract of the NLS Investigator, of a few hundred people who do not exist."""
    asked = columns([person for seed in range(8) for person in people(seed)])
    numbered = next(column for column in asked if column.question == "PUBID")
    answers = list(range(1, 1 + len(numbered.answers)))
    asked = [replace(column, answers=answers) if column is numbered else column for column in asked]
    return invented.write(Path(), {"own.csv": invented.data(asked), "own.cdb": invented.codebook(asked)})


def test_from_a_survey_to_a_table_by_groups_with_weights_and_a_design(extract: list[Path], capsys: Capture) -> None:
    files = " ".join(map(str, extract))
    assert laborllm(f"import nlsy97 {files} --out panel.parquet") == 0
    panel = ll.read_panel("panel.parquet")
    assert {"household", "stratum", "psu", "wage"} <= set(panel.columns)
    assert panel.weight_kind == "sampling"
    assert laborllm("describe panel.parquet") == 0
    described = capsys.readouterr().out
    for column in ("household", "stratum", "psu", "wage"):
        assert column in described

    assert laborllm("fit transition panel.parquet --out model") == 0
    design = "--weights sampling --cluster psu --strata stratum --by gender"
    assert laborllm(f"evaluate model panel.parquet --split train {design} --draws 60 --tables tables --json") == 0
    typed = json.loads(capsys.readouterr().out)
    found = ll.evaluate(
        {"model": ll.load("model")},
        panel,
        split="train",
        by=["gender"],
        weights="sampling",
        cluster="psu",
        strata="stratum",
        draws=60,
    )
    assert typed["estimates"] == json.loads(found.to_json())["estimates"]
    assert (typed["weights"], typed["cluster"], typed["strata"]) == ("sampling", "psu", "stratum")

    latex = {path.stem: path.read_text() for path in Path("tables").glob("*.tex")}
    assert {"perplexity", "sample"} <= set(latex)
    for text in latex.values():
        assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") >= 1
        assert r"\toprule" in text
    stata, labels = pyreadstat.read_dta("tables/estimates.dta", output_format="polars")
    overall = stata.filter(pl.col("metric") == "perplexity", pl.col("level") == "all")
    assert overall["estimate"].item() == pytest.approx(found.row("model", "perplexity")["estimate"])
    assert labels.column_names_to_labels["standard_error"] == "Bootstrap standard error"


def test_the_design_is_the_one_of_the_survey(extract: list[Path]) -> None:
    """Clusters are PSUs of strata: the standard error is that of a bootstrap whose clusters are made by hand."""
    panel = ll.import_nlsy97(extract)
    fitted = ll.fit("transition", panel)
    train = panel.subset("train")
    found = ll.evaluate(
        {"m": fitted}, panel, split="train", cluster="psu", strata="stratum", metrics=["log_score"], draws=200
    ).row("m", "log_score")
    pairs = train.records.select("stratum", "psu").rows()
    numbered = {pair: at for at, pair in enumerate(dict.fromkeys(pairs))}
    cluster = np.array([numbered[pair] for pair in pairs])
    strata = list(dict.fromkeys(pair[0] for pair in pairs))
    stratum = np.array([strata.index(pair[0]) for pair in numbered])
    assert (np.bincount(stratum) == 2).all()
    by_hand = ClusterBootstrap(cluster, np.ones(len(cluster)), stratum, draws=200)
    loss = -fitted.forecast(train).log_likelihood[:, None]
    expected = by_hand.mean(loss, np.ones((len(loss), 1), dtype=bool))[0, 0]
    assert found["estimate"] == pytest.approx(float(expected.estimate))
    assert found["standard_error"] == pytest.approx(expected.standard_error)


def test_wages_are_a_group_and_in_no_text(extract: list[Path], capsys: Capture) -> None:
    panel = ll.import_nlsy97(extract)
    fitted = ll.fit("transition", panel)
    found = ll.evaluate({"m": fitted}, panel, split="train", by=["wage"], metrics=["perplexity"], draws=40)
    levels = found.estimates.filter(group="wage")
    wage = panel.subset("train").records["wage"]
    assert levels["level"].to_list()[-1] == "unknown"
    assert levels["records"].sum() == len(wage)
    assert levels.filter(level="unknown")["records"].item() == wage.null_count()

    panel.save(Path("panel.parquet"))
    without = replace(panel, records=panel.records.drop("wage", "household", "stratum", "psu"), split_by="worker")
    without.save(Path("without.parquet"))
    texts = []
    for name in ("panel", "without"):
        capsys.readouterr()
        assert laborllm(f"render {name}.parquet --worker-number 5") == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] != ""
    assert panel.fingerprint != without.fingerprint
