"""The long form of hubs: every number of a table once, quantiles that are those of scipy, columns that pandas reads."""

from pathlib import Path

import numpy as np
import pandas
import polars as pl
import pytest
from scipy.stats import norm  # type: ignore[import-untyped]

import laborllm as ll
from laborllm.forecasting.groups.shares import group_shares
from laborllm.forecasting.hub import COLUMNS, hub_differences, hub_probabilities, hub_shares
from laborllm.forecasting.simulation.result import Difference, Simulation
from laborllm.forecasting.simulation.versions import if_records_said
from laborllm.forecasting.table_files import write_table
from laborllm.models.counts.specs import Transition
from laborllm.panel import Panel

YEARS = [2025, 2027]


@pytest.fixture(scope="module")
def opened() -> Panel:
    return ll.import_synthetic(workers=80, taxonomy="nlswork").sample(6, seed=0).open(YEARS)


@pytest.fixture(scope="module")
def paths(opened: Panel) -> Simulation:
    return ll.simulate(Transition().fit(ll.import_synthetic(workers=80, taxonomy="nlswork")), opened, draws=30)


@pytest.fixture(scope="module")
def difference(opened: Panel) -> Difference:
    model = Transition().fit(ll.import_synthetic(workers=80, taxonomy="nlswork"))
    return ll.what_if(model, opened, if_records_said(opened, last_occupation=opened.taxonomy.codes[0]), draws=30)


def test_a_pmf_is_all_of_a_worker_in_a_year(paths: Simulation) -> None:
    table = hub_probabilities(paths, "chain")
    assert tuple(table.columns) == COLUMNS
    assert table.height == 6 * 2 * len(paths.taxonomy)
    assert table.select("target", "model", "output_type").unique().rows() == [("occupation", "chain", "pmf")]
    assert table["output_type_id"].equals(table["code"], null_equal=True)
    for at, worker in enumerate(paths.workers["worker"]):
        for place, year in enumerate(YEARS):
            rows = table.filter(group=worker, year=year)
            assert dict(rows.select("code", "value").iter_rows()) == pytest.approx(
                dict(zip(paths.taxonomy.codes, paths.probability[at, place].tolist(), strict=True))
            )
            assert (rows["origin"] + rows["horizon"] == year).all()


def test_few_are_the_most_probable(paths: Simulation) -> None:
    whole, few = hub_probabilities(paths, "chain"), hub_probabilities(paths, "chain", top=2)
    for (worker, year), rows in few.group_by("group", "year"):
        largest = whole.filter(group=worker, year=year)["value"].sort(descending=True).head(2)
        assert rows["value"].to_list() == largest.to_list()


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_shares_counts_and_both_ends_are_there_once(paths: Simulation, level: float) -> None:
    table = group_shares(paths, ["a", "a", "b", "b", "b", "b"], level=level)
    long = hub_shares(table, "chain", level=level)
    assert long.height == 4 * table.height
    names = {
        ("share", "pmf", None): "share",
        ("people", "mean", None): "count",
        ("people", "quantile", f"{(1 - level) / 2:g}"): "low",
        ("people", "quantile", f"{(1 + level) / 2:g}"): "high",
    }
    for (target, kind, identifier), column in names.items():
        rows = long.filter(target=target, output_type=kind)
        if identifier is not None:
            rows = rows.filter(output_type_id=identifier)
        keys = ["group", "year", "code"]
        joined = table.join(rows, on=keys, how="inner", validate="1:1")
        assert joined.height == table.height
        assert joined["value"].to_list() == pytest.approx(joined[column].to_list())
    assert long["origin"].null_count() == long.height


def test_quantiles_of_a_difference_are_normal(difference: Difference) -> None:
    table = hub_differences(difference, "chain")
    mean, low, high = (
        table.filter(output_type="mean")["value"].to_numpy(),
        table.filter(output_type="quantile", output_type_id="0.05")["value"].to_numpy(),
        table.filter(output_type="quantile", output_type_id="0.95")["value"].to_numpy(),
    )
    np.testing.assert_allclose(low + high, 2 * mean, atol=1e-9)
    assert (low <= mean).all()
    codes = table.filter(output_type="mean").select("group", "year", "code")
    for at, (worker, year, code) in enumerate(codes.iter_rows()):
        row = difference.workers["worker"].to_list().index(worker), YEARS.index(year)
        column = difference.taxonomy.position[code]
        expected = norm(difference.probability[row][column], difference.error[row][column] or 1e-12)
        assert mean[at] == pytest.approx(expected.mean(), abs=1e-7)
        assert (low[at], high[at]) == pytest.approx(tuple(expected.ppf([0.05, 0.95])), abs=1e-6)


def test_the_largest_differences_come_first(difference: Difference) -> None:
    table = hub_differences(difference, "chain", top=3).filter(output_type="mean")
    for at, worker in enumerate(difference.workers["worker"]):
        for place, year in enumerate(YEARS):
            sizes = table.filter(group=worker, year=year)["value"].abs().to_list()
            ranked = np.sort(np.abs(difference.probability[at, place]))[::-1][:3]
            assert sizes == pytest.approx(ranked.tolist(), abs=1e-7)


@pytest.mark.parametrize("ending", ["csv", "parquet", "dta"])
def test_other_programs_read_what_is_written(paths: Simulation, ending: str, tmp_path: Path) -> None:
    table = hub_probabilities(paths, "chain", top=2)
    path = tmp_path / f"years.{ending}"
    write_table(table, path)
    read = {"csv": pandas.read_csv, "parquet": pandas.read_parquet, "dta": pandas.read_stata}[ending]
    found = read(path)
    assert list(found.columns) == list(COLUMNS)
    assert found["value"].tolist() == pytest.approx(table["value"].to_list())
    assert found["title"].tolist() == table["title"].to_list()
    assert [int(year) for year in found["year"]] == table["year"].to_list()
    assert pl.Series([str(code) for code in found["code"]]).to_list() == table["code"].to_list()
