"""An analyst with resumes of people who lost their jobs: to a table of where they are next, and its checks."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import laborllm as ll
from cli.commands import laborllm

Capture = pytest.CaptureFixture[str]
RESUMES = {
    "ada": [("Cashier", "2008-05", "2016-02"), ("Retail sales clerk", "2016-03", "2023-11")],
    "ben": [("Truck driver", "2010", "2023")],
    "cleo": [("Waitress", "2015-01", "2019-12"), ("Registered nurse", "2020-01", "")],
}
STATES = "unemployed not_in_labor_force in_education"


@pytest.fixture
def folder() -> Path:
    """JSON Resumes, a file each."""
    place = Path("resumes")
    place.mkdir()
    for name, jobs in RESUMES.items():
        work = [
            {"name": "Firm", "position": title, "startDate": start} | ({"endDate": end} if end else {})
            for title, start, end in jobs
        ]
        (place / f"{name}.json").write_text(json.dumps({"basics": {"name": name}, "work": work}))
    return place


@pytest.fixture
def model() -> Path:
    ll.fit("transition", ll.import_synthetic(workers=300), out="model")
    return Path("model")


def test_a_list_of_resumes_becomes_a_table_of_next_occupations(folder: Path, model: Path, capsys: Capture) -> None:
    assert laborllm(f"import resumes {folder} --as-of 2024 --states {STATES} --out people.parquet") == 0
    people = ll.read_panel("people.parquet")
    assert people.records["worker"].n_unique() == len(RESUMES)
    assert laborllm(f"forecast {model} people.parquet --year 2025 --top 3 --out next.csv") == 0
    table = pl.read_csv("next.csv", schema_overrides={"worker": pl.String, "code": pl.String})
    assert table.columns == ["worker", "year", "split", "code", "title", "probability"]
    assert table.height == 3 * len(RESUMES)
    expected = ll.forecast(ll.load(model), people, year=2025)
    best = np.argsort(-expected.log_prob, axis=1, kind="stable")[:, :3]
    for at, worker in enumerate(expected.records["worker"]):
        own = table.filter(worker=str(worker))
        assert own["code"].to_list() == [people.taxonomy.codes[column] for column in best[at]]
        assert own["title"].to_list() == [people.taxonomy.titles[column] for column in best[at]]
        assert own["probability"].to_list() == pytest.approx(np.exp(expected.log_prob[at, best[at]]).tolist(), rel=1e-5)
        assert own["probability"].is_sorted(descending=True)


@pytest.mark.parametrize("suffix", ["csv", "dta", "parquet"])
def test_every_form_of_the_table_holds_the_same_numbers(suffix: str, folder: Path, model: Path) -> None:
    assert laborllm(f"import resumes {folder} --as-of 2024 --states {STATES} --out people.parquet") == 0
    assert laborllm(f"forecast {model} people.parquet --year 2026 --layout long --out next.{suffix}") == 0
    if suffix == "csv":
        table = pl.read_csv("next.csv", schema_overrides={"code": pl.String})
    elif suffix == "parquet":
        table = pl.read_parquet("next.parquet")
    else:
        import pyreadstat

        table, _ = pyreadstat.read_dta("next.dta", output_format="polars")
    sums = table.group_by("worker").agg(pl.col("probability").sum(), pl.len())
    assert sums["len"].to_list() == [len(ll.load(model).record.taxonomy)] * len(RESUMES)
    np.testing.assert_allclose(sums["probability"], 1, atol=1e-4)
    assert set(table["year"]) == {2026}


def test_a_mistake_costs_one_line_and_leaves_nothing(folder: Path, model: Path, capsys: Capture) -> None:
    assert laborllm(f"import resumes {folder} --as-of 2024 --states {STATES} --out people.parquet") == 0
    before = sorted(path.name for path in Path().iterdir())
    for command, words in (
        (f"forecast {model} people.parquet --year 2020 --out next.csv", "have a record in 2020 or later"),
        (f"forecast {model} people.parquet --year 2025 --out next.xlsx", "does not say a format"),
        (f"forecast {model} people.parquet --year 2025 --top 0 --out next.csv", "top is how many occupations"),
        (f"forecast {model} nobody.parquet --year 2025 --out next.csv", "no panel file at nobody.parquet"),
        ("forecast elsewhere people.parquet --year 2025 --out next.csv", "elsewhere"),
    ):
        capsys.readouterr()
        assert laborllm(command) == 2, command
        out, err = capsys.readouterr()
        assert out == ""
        assert words in err.splitlines()[-1]
        assert not any(Path().glob("next*"))
    assert sorted(path.name for path in Path().iterdir()) == before
