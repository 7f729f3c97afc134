"""Shares of groups: five people on four paths counted by hand, and laws that hold of any simulation."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.errors import PanelError
from laborllm.forecasting.groups.charted import chart_careers, chart_counts, chart_flows, chart_shares, main_groups
from laborllm.forecasting.groups.shares import common_years, group_shares, values_by_worker
from laborllm.forecasting.simulation.result import Simulation
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel

TOWN = Taxonomy.from_occupations("town", [("1", "Cooks", "Food"), ("2", "Waiters", "Food"), ("3", "Tellers", "Banks")])
YEARS = (2025, 2027)
# Columns drawn: five people (rows), four paths of two years each.
PATHS = np.array(
    [
        [[0, 0], [0, 1], [0, 2], [1, 1]],
        [[0, 0], [0, 0], [2, 2], [2, 2]],
        [[1, 1], [1, 0], [1, 1], [1, 2]],
        [[2, 2], [2, 2], [2, 2], [2, 0]],
        [[2, 1], [2, 1], [0, 0], [0, 0]],
    ],
    dtype=np.int16,
)


def simulation(paths: np.ndarray, *, seed: int = 0) -> Simulation:
    """A simulation whose probabilities are the frequencies of its paths."""
    workers, _, years = paths.shape
    names = [f"w{at}" for at in range(workers)]
    origins = pl.DataFrame({"worker": names, "year": [2024] * workers, "occupation": ["1"] * workers})
    probability = np.stack([(paths == column).mean(axis=1) for column in range(len(TOWN))], axis=-1)
    return Simulation(
        workers=origins,
        years=np.tile(np.array(YEARS[:years], np.int16), (workers, 1)),
        taxonomy=TOWN,
        probability=probability.astype(np.float32),
        error=np.zeros_like(probability, dtype=np.float32),
        occupation=paths,
        seed=seed,
    )


@st.composite
def simulations(draw: st.DrawFn) -> Simulation:
    """Up to eight workers on up to twelve paths."""
    workers, draws = draw(st.integers(1, 8)), draw(st.integers(1, 12))
    paths = np.random.default_rng(draw(st.integers(0, 10_000))).integers(3, size=(workers, draws, 2))
    return simulation(paths.astype(np.int16))


def cell(table: pl.DataFrame, year: int, code: str, group: str = "all") -> dict[str, Any]:
    (row,) = table.filter(year=year, code=code, group=group).rows(named=True)
    return row


def test_five_people_by_hand() -> None:
    found = group_shares(simulation(PATHS), level=0.5)
    cooks = cell(found, 2025, "1")
    assert cooks["workers"] == 5
    assert cooks["count"] == pytest.approx((3 + 2 + 0 + 0 + 2) / 4)
    assert cooks["share"] == pytest.approx(7 / 20)
    # Cooks of 2025 in each of the four futures: 2, 2, 2, 1.
    assert (cooks["low"], cooks["high"]) == (1, 2)
    tellers = cell(found, 2027, "3")  # 1, 1, 3, 2 of them
    assert tellers["count"] == pytest.approx(7 / 4)
    assert (tellers["low"], tellers["high"]) == (1, 2)
    assert found["holds"].unique().to_list() == ["draws"]


def test_groups_of_workers_by_hand() -> None:
    found = group_shares(simulation(PATHS), ["a", "b", "a", "b", "b"])
    assert found["group"].unique(maintain_order=True).to_list() == ["a", "b"]
    assert cell(found, 2025, "2", "a")["count"] == pytest.approx(5 / 4)
    assert cell(found, 2025, "2", "b")["count"] == 0
    assert cell(found, 2027, "1", "b")["share"] == pytest.approx((2 + 1 + 2) / 4 / 3)


@given(simulations(), st.sampled_from([0.5, 0.8, 0.9]))
@settings(max_examples=30)
def test_intervals_are_order_statistics_of_the_counts(paths: Simulation, level: float) -> None:
    """The least count with at least (1 - level) / 2 of the futures at or below it, and alike for the other end."""
    found = group_shares(paths, level=level)
    for year, calendar in enumerate(YEARS):
        for column, code in enumerate(TOWN.codes):
            counts = sorted(int((paths.occupation[:, at, year] == column).sum()) for at in range(paths.draws))
            row = cell(found, calendar, code)
            for end, tail in (("low", (1 - level) / 2), ("high", (1 + level) / 2)):
                least = next(count for count in counts if sum(c <= count for c in counts) >= tail * len(counts) - 1e-9)
                assert row[end] == least


@given(simulations(), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_the_order_of_the_workers_changes_nothing(paths: Simulation, random: object) -> None:
    order = list(range(len(paths.workers)))
    random.shuffle(order)  # type: ignore[attr-defined]
    other = replace(
        paths,
        workers=paths.workers[order],
        probability=paths.probability[order],
        occupation=paths.occupation[order],
    )
    one, two = group_shares(paths), group_shares(other)
    assert one.drop("share", "count").equals(two.drop("share", "count"))
    np.testing.assert_allclose(one["count"], two["count"], atol=1e-6)


@given(simulations())
@settings(max_examples=25)
def test_groups_add_up_and_counting_by_major_group_sums_the_occupations(paths: Simulation) -> None:
    labels = [f"g{at % 3}" for at in range(len(paths.workers))]
    whole, parts = group_shares(paths), group_shares(paths, labels)
    summed = parts.group_by("year", "code", maintain_order=True).agg(pl.col("count").sum()).sort("year", "code")
    np.testing.assert_allclose(summed["count"], whole.sort("year", "code")["count"], atol=1e-6)
    major = group_shares(paths, major=True)
    for year in YEARS:
        food = sum(cell(whole, year, code)["count"] for code in "12")
        assert cell(major, year, "Food")["count"] == pytest.approx(food, abs=1e-6)
        assert cell(major, year, "Banks")["count"] == pytest.approx(cell(whole, year, "3")["count"], abs=1e-6)
    by_year = whole.group_by("year").agg(pl.col("share").sum(), pl.col("count").sum())
    np.testing.assert_allclose(by_year["share"], 1, atol=1e-6)
    np.testing.assert_allclose(by_year["count"], len(paths.workers), atol=1e-5)


@given(simulations())
@settings(max_examples=25)
def test_a_wider_level_has_a_wider_interval(paths: Simulation) -> None:
    narrow, wide = group_shares(paths, level=0.5), group_shares(paths, level=0.95)
    assert (wide["low"] <= narrow["low"]).all()
    assert (wide["high"] >= narrow["high"]).all()
    assert (wide["low"] >= 0).all()
    assert (wide["high"] <= len(paths.workers)).all()


def test_refits_are_averaged_and_their_futures_pooled() -> None:
    one, two = simulation(PATHS), simulation(np.zeros_like(PATHS))
    found = group_shares([one, two], level=0.99)
    cooks = cell(found, 2025, "1")
    assert cooks["count"] == pytest.approx((7 / 4 + 5) / 2)
    assert (cooks["low"], cooks["high"]) == (1, 5)
    assert cooks["holds"] == "draws, refits"


def test_a_sample_where_all_are_alike_is_no_wider() -> None:
    same = simulation(np.full((6, 30, 2), 2, dtype=np.int16))
    found = group_shares(same, sampled=True)
    assert found.filter(code="3").select("low", "high").unique().rows() == [(6, 6)]
    assert found.filter(pl.col("code") != "3").select("low", "high").unique().rows() == [(0, 0)]


def test_what_is_not_one_group_of_careers_is_refused() -> None:
    first = simulation(PATHS)
    with pytest.raises(PanelError, match="2 groups for 5 workers"):
        group_shares(first, ["a", "b"])
    with pytest.raises(PanelError, match="other workers or other years"):
        group_shares([first, simulation(PATHS[:3])])
    with pytest.raises(PanelError, match="other workers or other years"):
        common_years([first, simulation(PATHS[:, :, :1])])
    uneven = first.years.copy()
    uneven[2] += 1
    with pytest.raises(PanelError, match="open years of workers differ"):
        common_years([replace(first, years=uneven)])
    assert common_years([first, simulation(PATHS, seed=3)]).tolist() == list(YEARS)


def test_values_of_workers_are_the_last_known(panel: Panel) -> None:
    for column in ("education", "gender", "region"):
        expected: dict[str, str] = {}
        for row in panel.records.iter_rows(named=True):
            expected.setdefault(row["worker"], "unknown")
            if row[column] is not None:
                expected[row["worker"]] = row[column]
        assert values_by_worker(panel, column) == list(expected.values())
    with pytest.raises(PanelError, match="no column 'wealth' to group by"):
        values_by_worker(panel, "wealth")


def test_charts_of_five_people_by_hand() -> None:
    paths = simulation(PATHS)
    food = [12 / 20, 13 / 20]  # of twenty places, eight and seven are in banks
    assert main_groups(paths) == ["Food", "Banks"]
    shares = chart_shares(paths, shown=1)
    assert shares.filter(title="Food")["share"].to_list() == pytest.approx(food)
    assert shares.filter(title="All others")["share"].to_list() == pytest.approx([1 - share for share in food])
    assert chart_counts(paths, shown=1)["count"].to_list() == pytest.approx([5 * share for share in food])


@given(simulations())
@settings(max_examples=20)
def test_flows_leave_and_reach_what_the_shares_say(paths: Simulation) -> None:
    flows, shares = chart_flows(paths), chart_shares(paths)
    for year, end in ((2025, "origin"), (2027, "destination")):
        totals = dict(flows.group_by(end).agg(pl.col("count").sum()).iter_rows())
        for title, share in shares.filter(year=year).select("title", "share").iter_rows():
            assert totals.get(title, 0) == pytest.approx(share * len(paths.workers), abs=1e-5)


@given(simulations(), st.integers(1, 20))
@settings(max_examples=20)
def test_no_more_careers_are_drawn_than_there_are(paths: Simulation, careers: int) -> None:
    found = chart_careers(paths, careers=careers)
    expected = min(careers, len(paths.workers) * paths.draws)
    assert found["path"].n_unique() == expected
    assert len(found) == 2 * expected
