"""What the page shows of a career: layers, ranges and tables of a simulation that was written down by hand."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.serve.page.results import Other, ahead_frame, ahead_table
from laborllm.serve.schema.forecasts import Change
from report.test_figure_data import rows_with
from serve.towns import TOWN, simulation

NEXT = [0.5, 0.2, 0.2, 0.06, 0.04]
AFTER = [0.25, 0.25, 0.3, 0.1, 0.1]


def layers(frame: pl.DataFrame, year: int) -> dict[str, int]:
    """The people of each layer in a year."""
    return dict(frame.filter(year=year).select("title", "count").iter_rows())


def test_the_last_occupation_is_a_layer_and_the_others_are_groups_by_size() -> None:
    """Of those who left, banks have 0.2 and 0.3, waiters 0.2 and 0.25; the cooks who stayed are not in Food."""
    frame = ahead_frame(simulation([[NEXT, AFTER]]))
    assert frame["title"].unique(maintain_order=True).to_list() == [
        "Still Cooks",
        "Banks",
        "Food",
        "Metal",
        "Not employed",
        "All others",
    ]
    assert layers(frame, 2025) == {
        "Still Cooks": 50,
        "Banks": 20,
        "Food": 20,
        "Metal": 6,
        "Not employed": 4,
        "All others": 0,
    }
    assert layers(frame, 2026)["Food"] == 25


def test_everybody_begins_where_the_career_ends() -> None:
    frame = ahead_frame(simulation([[NEXT]])).filter(year=2024)
    assert frame["count"].to_list() == [100, 0, 0, 0, 0, 0]
    assert frame["low"].null_count() == frame["high"].null_count() == 6


def test_a_state_is_written_inside_a_sentence() -> None:
    frame = ahead_frame(simulation([[NEXT]], last="unemployed"))
    assert frame["title"][0] == "Still unemployed"
    assert layers(frame, 2025)["Still unemployed"] == 4


@settings(max_examples=25)
@given(st.lists(st.floats(0.01, 1), min_size=len(TOWN), max_size=len(TOWN)))
def test_a_hundred_people_are_in_the_layers_of_a_year(weights: list[float]) -> None:
    share = (np.array(weights) / sum(weights)).tolist()
    frame = ahead_frame(simulation([[share, share]]))
    assert frame.group_by("year").agg(pl.col("count").sum())["count"].to_list() == [100] * 3
    later = frame.filter(pl.col("year") > 2024)
    for people, low, high in later.select("count", "low", "high").iter_rows():
        assert 0 <= low <= people + 1
        assert people - 1 <= high <= 100


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.8])
def test_nine_in_ten_groups_of_a_hundred_are_in_the_range(share: float) -> None:
    """Against the binomial distribution, of which the range is the normal approximation, rounded outwards."""
    rest = (1 - share) / 4
    row = ahead_frame(simulation([[[share, rest, rest, rest, rest]]])).filter(year=2025).row(0, named=True)
    chances = [math.comb(100, at) * share**at * (1 - share) ** (100 - at) for at in range(101)]
    held = sum(chances[row["low"] : row["high"] + 1])
    assert 0.9 <= held <= 0.95
    spread = 1.645 * math.sqrt(100 * share * (1 - share))
    assert (row["low"], row["high"]) == (math.floor(100 * share - spread), math.ceil(100 * share + spread))


def test_the_table_has_a_column_for_each_year_and_ranges_where_chance_has_any() -> None:
    frame = ahead_frame(simulation([[[1.0, 0, 0, 0, 0], AFTER]]))
    table = ahead_table(frame)
    assert table.header == ("where", "2024", "2025", "2026")
    assert table.rows[0] == ("Still Cooks", "100", "100 (100 to 100)", "25 (17 to 33)")
    assert [row[0] for row in table.rows] == frame["title"].unique(maintain_order=True).to_list()


def test_another_version_draws_twice_its_simulation_error() -> None:
    changes = [
        Change(code="2", title="Waiters", of_100=-7, error=0.4),
        Change(code="3", title="Tellers", of_100=5, error=0),
    ]
    figure = Other("in words", 2026, changes, [30, 0]).figure()
    assert figure.table.rows == (("Waiters", "30", "23", "\N{MINUS SIGN}7", "0.4"), ("Tellers", "0", "5", "+5", "0.0"))
    assert figure.narrow is not None
    drawn = sorted(rows_with(figure.chart, "model", "estimate", "low", "high"))
    assert drawn == [("Tellers", 5, 5, 5), ("Waiters", -7, pytest.approx(-7.8), pytest.approx(-6.2))]
