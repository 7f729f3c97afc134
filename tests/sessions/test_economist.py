"""A labour economist: from her own table to a table in a paper and a file for Stata, typed and in Python alike."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pyreadstat
import pytest

import laborllm as ll
from cli.commands import laborllm

OPEN_YEAR = 2022
MAPPING = """
dataset: OWN
taxonomy: occ1990dd
states: [unemployed, not_in_labor_force, in_education]
worker: id
year: year
occupation: occ
status: {column: lfs, values: {1: employed, 2: unemployed, 3: not_in_labor_force, 4: in_education}}
covariates: {gender: sex, education: schooling}
weight: {column: pweight, kind: sampling}
columns: {household: hh, wage: wage}
open: true
"""
STATUS = {"unemployed": 2, "not_in_labor_force": 3, "in_education": 4}


@pytest.fixture
def extract() -> pl.DataFrame:
    """Her table: two workers to a household, and a last wave of which no occupation is known yet."""
    careers = ll.import_synthetic(workers=200).open([OPEN_YEAR]).records
    number = pl.col("worker").cast(pl.Int64)
    is_open = pl.col("occupation").is_null()
    status = pl.col("occupation").replace_strict(STATUS, default=1, return_dtype=pl.Int64)
    rows = careers.select(
        id="worker",
        year="year",
        occ=pl.when(status == 1).then("occupation"),
        lfs=pl.when(is_open).then(None).otherwise(status),
        sex="gender",
        schooling="education",
        pweight=1 + number % 5,
        hh=number // 2,
        wage=10 + number % 7 + (pl.col("year") - 2000) / 10,
    )
    rows.write_csv("extract.csv")
    Path("own.yaml").write_text(MAPPING)
    return rows


def test_from_an_extract_to_tables_and_stata(extract: pl.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    assert laborllm("import table extract.csv --map own.yaml --split-by household --out own.parquet") == 0
    assert laborllm("fit transition own.parquet --out two-part") == 0
    assert laborllm("fit transition own.parquet --variant plain --out plain") == 0
    capsys.readouterr()
    options = "--by gender --weights sampling --cluster household --draws 50"
    assert laborllm(f"evaluate two-part plain own.parquet {options} --tables tables --json") == 0
    typed = json.loads(capsys.readouterr().out)

    panel = ll.import_table(Path("extract.csv"), Path("own.yaml"), split_by="household")
    assert panel.fingerprint == ll.read_panel("own.parquet").fingerprint
    assert (len(panel), panel.columns) == (len(extract), ("household", "wage"))
    assert panel.open_records == panel.workers == 200
    assert panel.records["wage"].to_list() == pytest.approx(
        extract.with_columns(pl.col("id").cast(pl.String)).sort("id", "year")["wage"].to_list()
    )
    splits = panel.records.group_by("household").agg(pl.col("split").n_unique())
    assert set(splits["split"]) == {1}

    fitted = {"two-part": ll.fit("transition", panel), "plain": ll.fit("transition", panel, variant="plain")}
    design = {"weights": "sampling", "cluster": "household"}
    found = ll.evaluate(fitted, panel, by=["gender"], draws=50, **design)  # type: ignore[arg-type]
    for name in ("estimates", "comparisons"):
        assert typed[name] == json.loads(found.to_json())[name]
    assert found.open_records == panel.subset("test").open_records > 0
    unweighted = ll.evaluate(fitted, panel, draws=50)
    one, other = (result.row("plain", "perplexity") for result in (found, unweighted))
    assert one["estimate"] != other["estimate"]
    _weighted_by_hand(fitted["plain"].forecast(panel.subset("test").observed()), panel, one["estimate"])
    written = pl.read_csv("tables/estimates.csv", infer_schema_length=None)
    paper = written.filter(pl.col("model") == "plain", pl.col("metric") == "perplexity", pl.col("level") == "all")
    assert paper["estimate"].item() == pytest.approx(one["estimate"], rel=1e-9)

    assert laborllm("forecast plain own.parquet --layout wide --out next.dta") == 0
    stata, _ = pyreadstat.read_dta("next.dta", output_format="polars")
    asked = stata.filter(pl.col("year") == OPEN_YEAR).sort("worker")
    expected = ll.forecast("plain", panel).only_open()
    assert asked["worker"].to_list() == expected.records["worker"].to_list()
    probability = asked.select(pl.col("^p_.*$")).to_numpy()
    np.testing.assert_allclose(probability, np.exp(expected.log_prob), atol=1e-6)


def _weighted_by_hand(forecast: ll.Forecast, panel: ll.Panel, perplexity: float | None) -> None:
    weight = forecast.records.join(panel.records.select("worker", "year", "weight"), on=["worker", "year"])["weight"]
    assert perplexity == pytest.approx(np.exp(-np.average(forecast.log_likelihood, weights=weight)), rel=1e-6)
