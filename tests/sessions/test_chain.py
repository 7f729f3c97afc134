"""A list of jobs and a model of which everything is known: every step from the list to a backtest has its closed form.

In the plain variant the next occupation depends on the last one only, by a table P of the fitted model. So the
forecast of a year is a row of P, two years are a row of its square, a group is a sum of rows, a what-if a difference.
"""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, log_loss

import laborllm as ll
from cli.commands import laborllm
from laborllm.models.counts.transition import FittedTransition

Capture = pytest.CaptureFixture[str]
Floats = NDArray[np.float64]

JOBS = """worker,start,end,title,gender,out_of_work_since
Ada,2015,2019,Cashiers,female,
Ada,2020,,Registered nurses,female,
Ben,2012,,Truck and delivery drivers,male,
Cleo,2018,,Registered nurses,female,
Dan,2010,2016,Cooks,male,2017
"""
LAST = {"Ada": "95", "Ben": "804", "Cleo": "95", "Dan": "unemployed"}
NURSE = "95"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A panel of three hundred invented careers, and the plain model of it."""
    place = tmp_path_factory.mktemp("chain")
    panel = ll.import_synthetic(workers=300)
    panel.save(place / "panel.parquet")
    ll.fit("transition", panel, variant="plain", out=place / "chain")
    (place / "jobs.csv").write_text(JOBS)
    ll.read_people(place / "jobs.csv", ll.PeopleOptions(as_of="2024")).panel.save(place / "people.parquet")
    return place


@pytest.fixture(autouse=True)
def desk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of jobs stands next to the model, as it is typed and as a panel, which is read sooner."""
    monkeypatch.chdir(folder)


@pytest.fixture
def chain(folder: Path) -> FittedTransition:
    fitted = ll.load(folder / "chain")
    assert isinstance(fitted, FittedTransition)
    return fitted


def row(chain: FittedTransition, worker: str, *, years: int = 1) -> Floats:
    """The exact distribution of a worker some years ahead."""
    found: Floats = np.linalg.matrix_power(chain.table, years)[chain.record.taxonomy.position[LAST[worker]]]
    return found


def read(path: str) -> pl.DataFrame:
    return pl.read_csv(path, schema_overrides={"code": pl.String, "output_type_id": pl.String})


def shares(table: pl.DataFrame, chain: FittedTransition, column: str = "value") -> Floats:
    """The numbers of a table with a row for each occupation, in the order of the taxonomy."""
    by_code = dict(table.select("code", column).iter_rows())
    return np.array([by_code[code] for code in chain.record.taxonomy.codes])


def test_the_table_is_one_of_counts_shrunk_toward_the_marginal(chain: FittedTransition) -> None:
    """P = (n_jk + c m_k) / (n_j + c), with one c for all rows: c solves one cell, and the others follow."""
    records = ll.read_panel("panel.parquet").subset("train").records
    position, size = chain.record.taxonomy.position, len(chain.record.taxonomy)
    pairs = records.with_columns(before=pl.col("occupation").shift().over("worker")).drop_nulls("before")
    counts, after = np.zeros((size, size)), np.full(size, 0.5)
    for one, other in pairs.select("before", "occupation").iter_rows():
        counts[position[one], position[other]] += 1
    for code in records["occupation"]:
        after[position[code]] += 1
    marginal = after / after.sum()
    at = int(counts.sum(axis=1).argmax())
    cell = int(counts[at].argmax())
    strength = (counts[at, cell] - chain.table[at, cell] * counts[at].sum()) / (chain.table[at, cell] - marginal[cell])
    expected = (counts + strength * marginal) / (counts.sum(axis=1, keepdims=True) + strength)
    np.testing.assert_allclose(chain.table, expected, rtol=1e-6)


def test_a_forecast_is_a_row_of_the_table(chain: FittedTransition, capsys: Capture) -> None:
    assert laborllm("forecast chain jobs.csv --as-of 2024 --year 2025 --out next.csv") == 0
    assert "4 people with 45 years; 4 of 4 titles coded" in capsys.readouterr().err
    table = read("next.csv")
    assert set(table["worker"]) == set(LAST)
    for worker in LAST:
        np.testing.assert_allclose(
            shares(table.filter(worker=worker), chain, "probability"), row(chain, worker), rtol=1e-4
        )


def test_a_forecast_in_people_is_that_row_in_whole_people(chain: FittedTransition, capsys: Capture) -> None:
    """Out of a hundred: whole numbers that add up, each less than one off."""
    assert laborllm("forecast chain people.parquet --year 2025 --layout people --top 3 --out people.csv") == 0
    table = read("people.csv")
    assert table.group_by("worker").agg(pl.col("people").sum())["people"].to_list() == [100] * 4
    for worker, code, people in table.drop_nulls("code").select("worker", "code", "people").iter_rows():
        assert abs(people - 100 * row(chain, worker)[chain.record.taxonomy.position[code]]) < 1
    stay = table.filter(worker="Ben", kind="stay")["people"].item()
    first = f"Ben, 2025: of 100 people with this history, {stay} stay: Truck and delivery drivers; "
    assert first in capsys.readouterr().out


def test_who_must_move_has_the_row_without_the_diagonal(chain: FittedTransition) -> None:
    assert laborllm("forecast chain people.parquet --year 2025 --must-move --out moved.csv") == 0
    table = read("moved.csv")
    for worker, code in LAST.items():
        expected = row(chain, worker)
        expected[chain.record.taxonomy.position[code]] = 0
        found = shares(table.filter(worker=worker), chain, "probability")
        np.testing.assert_allclose(found, expected / expected.sum(), rtol=1e-4, atol=1e-9)


def test_years_to_come_are_powers_of_the_table(chain: FittedTransition) -> None:
    assert laborllm("simulate chain people.parquet --years 2025 2026 2027 --draws 400 --out years.csv") == 0
    table = read("years.csv")
    for worker in LAST:
        for ahead, year in enumerate((2025, 2026, 2027), 1):
            part = table.filter(worker=worker, year=year)
            found, error = (shares(part, chain, name) for name in ("probability", "error"))
            assert found.sum() == pytest.approx(1, abs=1e-4)
            assert error.any() == (ahead > 1)
            exact, stay = row(chain, worker, years=ahead), chain.record.taxonomy.position[LAST[worker]]
            assert abs(found[stay] - exact[stay]) < 5 * error[stay] + 1e-5
            of_counts = np.sqrt(exact * (1 - exact) / 400)  # the standard errors, were the paths only counted
            assert np.abs(found - exact).sum() < of_counts.sum()


def test_a_group_is_the_sum_of_its_people(chain: FittedTransition, capsys: Capture) -> None:
    assert laborllm("group chain people.parquet --years 2025 --draws 50 --by gender --out groups.csv") == 0
    said = capsys.readouterr().out.splitlines()
    table = read("groups.csv").filter(target="people", output_type="mean")
    taxonomy = chain.record.taxonomy
    is_job = ~np.isin(taxonomy.codes, taxonomy.states)
    for label, workers in {"female": ["Ada", "Cleo"], "male": ["Ben", "Dan"]}.items():
        expected = np.sum([row(chain, worker) for worker in workers], axis=0)
        np.testing.assert_allclose(shares(table.filter(group=label), chain), expected, rtol=1e-4)
        (line,) = (line for line in said if line.startswith(f"{label}, 2025: of 2 people "))
        assert f"of 2 people {expected[is_job].sum():.0f} at work" in line


def test_a_what_if_is_the_difference_of_two_rows(chain: FittedTransition) -> None:
    command = f"what-if chain people.parquet --years 2025 2026 --draws 200 --last-occupation {NURSE}"
    assert laborllm(f"{command} --out difference.csv") == 0
    table = read("difference.csv").filter(output_type="mean")
    nurse = chain.table[chain.record.taxonomy.position[NURSE]]
    for worker, code in LAST.items():
        found = shares(table.filter(group=worker, year=2025), chain)
        np.testing.assert_allclose(found, nurse - row(chain, worker), atol=1e-5)
        later = shares(table.filter(group=worker, year=2026), chain)
        if code == NURSE:  # whose record says so already
            assert not later.any()
        else:
            two_years = (nurse @ chain.table) - row(chain, worker, years=2)
            assert np.abs(later - two_years).max() < 0.1


def test_a_backtest_scores_rows_of_the_table_on_what_happened(chain: FittedTransition, capsys: Capture) -> None:
    """One year ahead of 2008, the test workers who were seen up to then and in 2009, against scikit-learn."""
    assert laborllm("backtest chain panel.parquet --origins 2008 --horizon 1 --draws 3 --out scores.csv") == 0
    records = ll.read_panel("panel.parquet").subset("test").records
    last = records.filter(pl.col("year") <= 2008).group_by("worker").agg(pl.col("occupation").sort_by("year").last())
    pairs = records.filter(year=2009).join(last, on="worker", suffix="_before")
    place = chain.record.taxonomy.position
    before, after = ([place[code] for code in pairs[name]] for name in ("occupation_before", "occupation"))
    forecast, labels = chain.table[before], range(len(place))
    found = {
        name: (estimate, count)
        for model, horizon, name, count, estimate in pl.read_csv("scores.csv")
        .select("model", "horizon", "metric", "records", "estimate")
        .iter_rows()
        if (model, horizon) == ("chain", 1)
    }
    assert found["log score"] == (pytest.approx(log_loss(after, forecast, labels=labels), rel=1e-4), len(pairs))
    brier = brier_score_loss(after, forecast, labels=list(labels), scale_by_half=False)
    assert found["Brier score"][0] == pytest.approx(brier, rel=1e-4)
    assert found["top-1"][0] == pytest.approx(np.mean(forecast.argmax(axis=1) == after))
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"chain: log score {found['log score'][0]:.2f} at 1 year; ")
