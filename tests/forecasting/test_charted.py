"""The frames behind charts, against counts of the paths by hand."""

import numpy as np
import polars as pl
import pytest

from laborllm.forecasting.groups.charted import chart_careers, chart_counts, chart_flows, chart_shares, main_groups
from laborllm.forecasting.groups.shares import group_shares
from laborllm.forecasting.simulation.result import Simulation
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.models.counts.specs import Transition
from laborllm.occupations import load_taxonomy
from laborllm.panel import Panel
from laborllm.sources.synthetic import DRAWN_STATES, import_synthetic


@pytest.fixture(scope="module")
def paths() -> Simulation:
    panel: Panel = import_synthetic(150, load_taxonomy("occ1990dd").with_states(DRAWN_STATES), seed=0)
    return simulate(Transition().fit(panel), panel.sample(40, seed=1), years=[2025, 2027, 2028], draws=50)


def test_shares_keep_the_main_groups_and_add_to_one(paths: Simulation) -> None:
    found = chart_shares(paths, shown=3)
    largest = main_groups(paths, shown=3)
    assert found.filter(year=2027)["title"].to_list() == [*largest, "All others"]
    whole = group_shares(paths, major=True)
    for title in largest:
        ours, theirs = (table.filter(pl.col("title") == title)["share"].to_list() for table in (found, whole))
        assert ours == theirs
    np.testing.assert_allclose(found.group_by("year").agg(pl.col("share").sum())["share"], 1, atol=1e-6)


def test_flows_count_the_paths(paths: Simulation) -> None:
    found = chart_flows(paths, shown=2)
    named = [group if group in main_groups(paths, shown=2) else "All others" for group in paths.taxonomy.groups]
    groups = np.array(named)[paths.occupation]  # (W, D, K)
    for year, next_year, origin, destination, count in found.iter_rows():
        at = [2025, 2027, 2028].index(year)
        assert next_year == [2025, 2027, 2028][at + 1]
        assert count * paths.draws == pytest.approx(
            ((groups[:, :, at] == origin) & (groups[:, :, at + 1] == destination)).sum()
        )
    per_year = found.group_by("year").agg(pl.col("count").sum())["count"]
    np.testing.assert_allclose(per_year, 40, atol=40 * 9 / 1000)


def test_counts_are_those_of_the_group(paths: Simulation) -> None:
    found = chart_counts(paths, shown=2)
    assert found["title"].unique(maintain_order=True).to_list() == main_groups(paths, shown=2)
    whole = group_shares(paths, major=True)
    for row in found.iter_rows(named=True):
        (same,) = whole.filter(year=row["year"], title=row["title"]).rows(named=True)
        assert (row["count"], row["low"], row["high"]) == (same["count"], same["low"], same["high"])


def test_sampled_careers_are_paths(paths: Simulation) -> None:
    found = chart_careers(paths, careers=30, shown=2)
    assert found["path"].n_unique() == 30
    named = [group if group in main_groups(paths, shown=2) else "All others" for group in paths.taxonomy.groups]
    drawn = {tuple(path) for path in np.array(named)[paths.occupation].reshape(-1, 3).tolist()}
    for path in found.partition_by("path"):
        assert tuple(path["title"].to_list()) in drawn
