"""An analyst: a list of people with dates as they are found, and where they and the group are in the years to come."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import laborllm as ll
from cli.commands import laborllm

JOBS = """worker,start,end,title
Ada,2012-03,2018-06,Cashier
Ada,2018-07,,Bookkeeper
Ben,2010,2016,Line cook
Ben,2016,,Truck driver
Cleo,May 2015,present,Registered nurse
Dan,2009-01-15,31 Dec 2013,Registered nurse
Dan,2014,,Xqzzt vrrp
"""
STATES = ["unemployed", "not_in_labor_force", "in_education"]


def test_from_a_list_of_people_to_the_shares_of_groups(capsys: pytest.CaptureFixture[str]) -> None:
    Path("jobs.csv").write_text(JOBS)
    assert laborllm(f"import resumes jobs.csv --as-of 2024 --states {' '.join(STATES)} --out people.parquet") == 0
    assert "Xqzzt vrrp" in capsys.readouterr().err
    people = ll.read_panel("people.parquet")
    coded = {
        (worker, year): code for worker, year, code in people.records.select("worker", "year", "occupation").rows()
    }
    title = dict(zip(people.taxonomy.codes, people.taxonomy.titles, strict=True))
    assert {worker for worker, _ in coded} == {"Ada", "Ben", "Cleo", "Dan"}
    assert {year for worker, year in coded if worker == "Cleo"} == set(range(2015, 2025))
    assert {year for worker, year in coded if worker == "Dan"} == set(range(2009, 2014))
    assert coded["Ada", 2017] != coded["Ada", 2019] == coded["Ada", 2024]
    assert "nurses" in title[coded["Cleo", 2024]]
    assert coded["Cleo", 2024] == coded["Dan", 2010]

    fitted = ll.fit("transition", ll.import_synthetic(workers=300), out="model")
    next_year = ll.forecast("model", people, year=2025)
    assert next_year.records["worker"].to_list() == ["Ada", "Ben", "Cleo", "Dan"]
    assert next_year.records["occupation"].null_count() == 4

    assert laborllm("simulate model people.parquet --years 2025 2026 --draws 40 --out years.csv") == 0
    paths = ll.simulate(fitted, people, years=[2025, 2026], draws=40)
    np.testing.assert_allclose(paths.probability[:, 0], np.exp(next_year.log_prob), atol=1e-6)
    typed = pl.read_csv("years.csv", schema_overrides={"code": pl.String})
    sums = typed.group_by("worker", "year").agg(pl.col("probability").sum())
    assert sums.height == 8
    np.testing.assert_allclose(sums["probability"], 1, atol=1e-4)
    stay = float(paths.probability[0, 1, paths.origin[0]])
    row = typed.filter(pl.col("worker") == "Ada", pl.col("year") == 2026, pl.col("code") == coded["Ada", 2024])
    assert row["probability"].item() == pytest.approx(stay, abs=1e-6)

    groups = ll.group_shares(paths, ["office", "road", "care", "care"])
    counts = groups.group_by("group", "year").agg(pl.col("count").sum()).sort("group", "year")
    assert counts["group"].to_list() == ["care", "care", "office", "office", "road", "road"]
    np.testing.assert_allclose(counts["count"], [2, 2, 1, 1, 1, 1], atol=1e-4)
    whole = ll.group_shares(paths).filter(year=2026).sort("code")
    summed = groups.filter(year=2026).group_by("code").agg(pl.col("count").sum()).sort("code")
    np.testing.assert_allclose(whole["count"], summed["count"], atol=1e-5)
