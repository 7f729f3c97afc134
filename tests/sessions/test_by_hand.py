"""A user of pandas and scikit-learn: her table becomes a panel, a fit and a report, each number counted again."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

import laborllm as ll
from cli.commands import laborllm
from laborllm.models.counts.transition import FittedTransition
from laborllm.report.numbers import number
from report.page import Page

Capture = pytest.CaptureFixture[str]
MAPPING = """
dataset: OWN
taxonomy: jobs.csv
states: [unemployed]
worker: id
year: year
occupation: occ
status: {column: lfs, values: {1: employed, 2: unemployed}}
covariates: {gender: sex}
weight: {column: pweight, kind: sampling}
columns: {plant: plant}
"""
JOBS = "code,title,group\n1,Bakers,Food\n2,Cooks,Food\n3,Welders,Metal\n4,Fitters,Metal\n5,Clerks,Office\n"


@pytest.fixture(scope="module")
def rows() -> pandas.DataFrame:
    """Her table: three hundred invented workers, a few rows of which have no year."""
    jobs = [tuple(line.split(",")) for line in JOBS.splitlines()[1:]]
    taxonomy = ll.Taxonomy.from_occupations("jobs", jobs).with_states(["unemployed"])
    records = ll.import_synthetic(workers=300, taxonomy=taxonomy, seed=2).records
    number_of = records["worker"].cast(int)
    return pandas.DataFrame(
        {
            "id": number_of.to_list(),
            "year": [year if at % 97 else None for at, year in enumerate(records["year"])],
            "occ": [None if code == "unemployed" else code for code in records["occupation"]],
            "lfs": [2 if code == "unemployed" else 1 for code in records["occupation"]],
            "sex": records["gender"].to_list(),
            "pweight": [1 + worker % 4 for worker in number_of],
            "plant": [f"plant {worker % 3}" for worker in number_of],
        }
    )


@pytest.fixture(scope="module")
def folder(rows: pandas.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Her table imported, and two models fitted on it."""
    place = tmp_path_factory.mktemp("by hand")
    with pytest.MonkeyPatch.context() as moved:
        moved.chdir(place)
        rows.to_csv("own.csv", index=False)
        Path("jobs.csv").write_text(JOBS)
        Path("own.yaml").write_text(MAPPING)
        assert laborllm("import table own.csv --map own.yaml --out own.parquet") == 0
        assert laborllm("fit transition own.parquet --variant plain --out plain") == 0
        assert laborllm("fit transition own.parquet --out two-part") == 0
    return place


@pytest.fixture(autouse=True)
def desk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.fixture(scope="module")
def kept(rows: pandas.DataFrame, folder: Path) -> pandas.DataFrame:
    """Her rows with a year, each with its code, the code before and the split of its worker, by pandas."""
    found = rows.dropna(subset="year").assign(worker=lambda frame: frame["id"].astype(str))
    found["code"] = found["occ"].fillna("unemployed")
    found = found.sort_values(["worker", "year"])
    found["before"] = found.groupby("worker")["code"].shift()
    splits = ll.read_panel(folder / "own.parquet").records.select("worker", "split").unique()
    return found.merge(splits.to_pandas(), on="worker")


@pytest.fixture(scope="module")
def held_out(kept: pandas.DataFrame) -> pandas.DataFrame:
    return kept[kept["split"] == "test"]


def forecasts(name: str, rows: pandas.DataFrame) -> NDArray[np.float64]:
    """The rows of a fitted model's table that her rows ask for, (n, J)."""
    fitted = ll.load(name)
    assert isinstance(fitted, FittedTransition)
    tables, position = np.vstack([fitted.table, fitted.first]), fitted.record.taxonomy.position
    at = [position[code] if isinstance(code, str) else len(fitted.table) for code in rows["before"]]
    return np.asarray(tables[at])


def evaluated(options: str, capsys: Capture) -> dict[tuple[str, str, str, str], dict[str, Any]]:
    """Estimates by model, metric, group and level."""
    capsys.readouterr()
    assert laborllm(f"evaluate plain two-part own.parquet --draws 60 {options} --json") == 0
    found = json.loads(capsys.readouterr().out)["estimates"]
    return {(row["model"], row["metric"], row["group"], row["level"]): row for row in found}


def test_every_row_is_accounted_for(rows: pandas.DataFrame, capsys: Capture) -> None:
    assert laborllm("describe own.parquet --json") == 0
    counts = json.loads(capsys.readouterr().out)["row_counts"]
    missing = int(rows["year"].isna().sum())
    assert (counts["read"], counts["kept"]) == (len(rows), len(rows) - missing)
    assert -missing in counts.values()


def test_a_description_counts_what_pandas_counts(kept: pandas.DataFrame, capsys: Capture) -> None:
    assert laborllm("describe own.parquet --json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["workers"], said["records"]) == (kept["worker"].nunique(), len(kept))
    later = kept.dropna(subset="before")
    assert said["stay_rate"] == pytest.approx((later["code"] == later["before"]).mean())
    per_worker = kept.groupby("worker").size()
    assert said["records_per_worker"] == [pytest.approx(per_worker.mean()), per_worker.median()]
    shares = kept["code"].value_counts()
    for row in (*said["occupations"], *said["states"]):
        assert row["records"] == shares[row["code"]]
        assert row["share"] == pytest.approx(shares[row["code"]] / len(kept))
        assert row["workers"] == kept.loc[kept["code"] == row["code"], "worker"].nunique()
    splits = {row["split"]: (row["workers"], row["records"]) for row in said["splits"]}
    by_split = kept.groupby("split")["worker"].agg(["nunique", "size"])
    assert splits == {name: (row["nunique"], row["size"]) for name, row in by_split.iterrows()}


def test_metrics_are_those_of_scikit_learn(held_out: pandas.DataFrame, capsys: Capture) -> None:
    found = evaluated("--by transition", capsys)
    position = ll.read_panel("own.parquet").taxonomy.position
    observed = held_out["code"].map(position).to_numpy()
    for model in ("plain", "two-part"):
        forecast = forecasts(model, held_out)
        labels = list(range(len(position)))
        overall = {metric: row for (name, metric, group, _), row in found.items() if (name, group) == (model, "all")}
        assert overall["perplexity"]["estimate"] == pytest.approx(np.exp(log_loss(observed, forecast, labels=labels)))
        brier = brier_score_loss(observed, forecast, labels=labels, scale_by_half=False)
        assert overall["brier"]["estimate"] == pytest.approx(brier, rel=1e-5)
        assert overall["top_1"]["estimate"] == pytest.approx((forecast.argmax(axis=1) == observed).mean())
        later = held_out["before"].notna().to_numpy()
        before = held_out.loc[later, "before"].map(position).to_numpy()
        change = 1 - forecast[later][np.arange(later.sum()), before]
        area = roc_auc_score(observed[later] != before, change)
        assert overall["auc_change"]["estimate"] == pytest.approx(area, abs=1e-6)
        assert (overall["perplexity"]["workers"], overall["perplexity"]["records"]) == (
            held_out["worker"].nunique(),
            len(held_out),
        )


def test_groups_are_those_of_a_groupby(held_out: pandas.DataFrame, capsys: Capture) -> None:
    found = evaluated("--by transition gender plant --metrics log_score", capsys)
    position = ll.read_panel("own.parquet").taxonomy.position
    forecast = forecasts("plain", held_out)
    loss = -np.log(forecast[np.arange(len(held_out)), held_out["code"].map(position)])
    kind = np.where(
        held_out["before"].isna(), "first", np.where(held_out["before"] == held_out["code"], "stay", "move")
    )
    for group, labels in {"transition": kind, "gender": held_out["sex"], "plant": held_out["plant"]}.items():
        by_level = pandas.Series(loss, index=held_out.index).groupby(np.asarray(labels)).agg(["mean", "size"])
        levels = {level: row for (model, _, name, level), row in found.items() if (model, name) == ("plain", group)}
        assert set(levels) == set(by_level.index)
        for level, row in levels.items():
            assert row["records"] == by_level.loc[level, "size"]
            assert row["estimate"] == pytest.approx(by_level.loc[level, "mean"], rel=1e-5)


def test_weights_are_those_of_numpy(held_out: pandas.DataFrame, capsys: Capture) -> None:
    found = evaluated("--weights sampling --metrics log_score top_1", capsys)
    position = ll.read_panel("own.parquet").taxonomy.position
    forecast, observed = forecasts("plain", held_out), held_out["code"].map(position).to_numpy()
    weight = held_out["pweight"].to_numpy()
    loss = -np.log(forecast[np.arange(len(held_out)), observed])
    right = forecast.argmax(axis=1) == observed
    for metric, values in {"log_score": loss, "top_1": right}.items():
        estimate = found["plain", metric, "all", "all"]["estimate"]
        assert estimate == pytest.approx(np.average(values, weights=weight), rel=1e-5)
        assert estimate != pytest.approx(np.mean(values), rel=1e-5)


def test_a_report_shows_these_numbers(held_out: pandas.DataFrame, capsys: Capture) -> None:
    command = "evaluate plain two-part own.parquet --draws 60 --by transition gender"
    assert laborllm(f"{command} --out report.html --tables tables") == 0
    text = Path("report.html").read_text("utf-8")
    position = ll.read_panel("own.parquet").taxonomy.position
    observed = held_out["code"].map(position).to_numpy()
    perplexity = {
        model: np.exp(-np.log(forecasts(model, held_out)[np.arange(len(held_out)), observed]).mean())
        for model in ("plain", "two-part")
    }
    best = min(perplexity, key=lambda model: perplexity[model])
    shown = re.findall(r"<li><strong>(.*?)</strong> <span>(.*?)</span>", text)
    assert shown[0] == (number(perplexity[best]), f"perplexity of {best}")
    assert shown[-2:] == [
        (f"{held_out['worker'].nunique()}", "workers evaluated"),
        (f"{len(held_out):,}", "records forecast"),
    ]
    assert f"{best} has the lowest perplexity, {number(perplexity[best])}" in text
    headings = Page(text).headings
    assert "By gender" in headings
    assert "Against plain" in headings
    table = pandas.read_csv("tables/estimates.csv")
    for model, value in perplexity.items():
        row = table[(table["model"] == model) & (table["metric"] == "perplexity") & (table["group"] == "all")]
        assert row["estimate"].item() == pytest.approx(value, rel=1e-5)
    stata = pandas.read_stata("tables/estimates.dta")
    assert len(stata) == len(table)
    ratio = pandas.read_csv("tables/comparisons.csv").query(
        "metric == 'perplexity' and comparison == 'ratio' and group == 'all'"
    )
    assert ratio["estimate"].item() == pytest.approx(perplexity["two-part"] / perplexity["plain"], rel=1e-5)
    capsys.readouterr()
