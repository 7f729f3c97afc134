"""What a figure draws is what its table says: the data of each chart against the frame it was given."""

import json
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.report import figures
from laborllm.report.figures import panel as panel_figures
from laborllm.report.figures.differences import differences
from laborllm.report.figures.look import SERIES, extreme, finite
from laborllm.report.table import frame_table

FEW = settings(max_examples=8, deadline=None)
NUMBER = st.floats(0.5, 500)


def drawn(chart: figures.Chart) -> list[dict[str, Any]]:
    """The rows of all data that a chart holds."""
    found: dict[str, list[dict[str, Any]]] = chart.to_dict()["datasets"]
    return [row for rows in found.values() for row in rows]


def rows_with(chart: figures.Chart, *names: str) -> set[tuple[Any, ...]]:
    """The rows of a chart that have all of these columns."""
    return {tuple(row[name] for name in names) for row in drawn(chart) if set(names) <= set(row)}


def encodings(chart: figures.Chart) -> Iterator[dict[str, Any]]:
    """The encodings of all layers and panels."""

    def walk(part: Any) -> Iterator[dict[str, Any]]:
        if isinstance(part, dict):
            if "encoding" in part:
                yield part["encoding"]
            for each in part.values():
                yield from walk(each)
        elif isinstance(part, list):
            for each in part:
                yield from walk(each)

    yield from walk({key: value for key, value in chart.to_dict().items() if key != "datasets"})


@st.composite
def estimates(draw: st.DrawFn) -> pl.DataFrame:
    """model, estimate, low, high of two to five models."""
    names = draw(st.lists(st.sampled_from("abcdefg"), min_size=2, max_size=5, unique=True))
    values = [draw(NUMBER) for _ in names]
    frame = pl.DataFrame({"model": names, "estimate": values})
    return frame.with_columns(low=pl.col("estimate") * 0.9, high=pl.col("estimate") * 1.1)


@FEW
@given(estimates(), st.booleans())
def test_perplexities_are_drawn_as_they_are_and_in_their_order(frame: pl.DataFrame, narrow: bool) -> None:
    chart = figures.perplexity_by_model(frame, narrow=narrow)
    names = ("model", "estimate", "low", "high")
    assert rows_with(chart, *names) == set(frame.select(names).rows())
    assert [row["model"] for row in drawn(chart)] == frame["model"].to_list()


@FEW
@given(estimates())
def test_ratios_of_the_study_draw_all_and_a_line_at_one(frame: pl.DataFrame) -> None:
    chart = figures.ratios(frame)
    assert rows_with(chart, "model", "estimate") == set(frame.select("model", "estimate").rows())
    assert rows_with(chart, "at") == {(1.0,)}
    (domain,) = {tuple(each["x"]["scale"]["domain"]) for each in encodings(chart) if "scale" in each.get("x", {})}
    assert domain[0] < min(1, *frame["low"]) < max(1, *frame["high"]) < domain[1]


@pytest.mark.parametrize("narrow", [False, True])
def test_scores_by_horizon_leave_out_only_what_is_infinite(narrow: bool) -> None:
    frame = pl.DataFrame(
        {
            "model": ["chain", "chain", "constant", "constant"],
            "horizon": [1, 2, 1, 2],
            "estimate": [0.5, 0.7, float("inf"), 3.0],
            "low": [0.4, 0.6, None, 2.5],
            "high": [0.6, 0.8, None, 3.5],
        }
    )
    chart = figures.score_by_horizon(frame, narrow=narrow)
    expected = {row for row in frame.rows() if row[2] != float("inf")}
    assert rows_with(chart, "model", "horizon", "estimate", "low", "high") == expected


@pytest.mark.parametrize("narrow", [False, True])
def test_rates_by_age_are_those_of_the_table(narrow: bool) -> None:
    frame = pl.DataFrame(
        {
            "group": ["Sales", "Sales", "Machine operators, assemblers, and inspectors"],
            "age": ["under 25", "25 to 34", "under 25"],
            "modelled": [0.25, 0.5, 0.125],
            "observed": [0.3, 0.45, 0.1],
        }
    )
    chart = figures.rates_by_age(frame, narrow=narrow)
    assert rows_with(chart, "age", "modelled", "observed") == set(frame.drop("group").rows())
    titles = json.dumps(chart.to_dict(), ensure_ascii=False)
    assert "Sales" in titles
    assert "Machine operators, a\N{HORIZONTAL ELLIPSIS}" in titles


def test_differences_of_two_versions_hold_zero_and_all_intervals() -> None:
    frame = pl.DataFrame({"title": ["Cooks", "Tellers"], "people": [4, -7], "low": [1.0, -9.0], "high": [7.0, -5.0]})
    for narrow in (False, True):
        chart = differences(frame, narrow=narrow)
        assert rows_with(chart, "model", "estimate", "low", "high") == set(frame.rows())
        (domain,) = {tuple(each["x"]["scale"]["domain"]) for each in encodings(chart) if "scale" in each.get("x", {})}
        assert domain == (-9, 7)
    above = differences(frame.head(1))
    assert {tuple(each["x"]["scale"]["domain"]) for each in encodings(above) if "scale" in each.get("x", {})} == {
        (0, 7)
    }


def test_shares_of_variance_are_bars_of_the_table() -> None:
    frame = pl.DataFrame(
        {"model": ["nemo"] * 3, "source": ["people", "training", "seed"], "share": [0.5, 0.375, 0.125]}
    )
    chart = figures.shares_of_variance(frame)
    assert rows_with(chart, "model", "source", "share") == set(frame.rows())
    (scale,) = [each["color"]["scale"] for each in encodings(chart)]
    assert scale == {"domain": frame["source"].to_list(), "range": list(SERIES[:3])}


def test_the_largest_groups_of_a_map_have_names_and_the_rest_are_together() -> None:
    sizes = {f"group {size}": size for size in range(1, 10)}
    rows = [(f"{group} {at}", group, float(at), float(size)) for group, size in sizes.items() for at in range(size)]
    frame = pl.DataFrame(rows, schema=["title", "group", "x", "y"], orient="row")
    found = rows_with(figures.occupation_map(frame), "title", "group", "x", "y")
    named = {f"group {size}" for size in range(4, 10)}
    expected = {(title, group if group in named else "other groups", x, y) for title, group, x, y in rows}
    assert found == expected


def test_points_of_agreement_and_the_line_they_should_be_on() -> None:
    frame = pl.DataFrame({"direct": [0.5, 0.01], "chained": [0.4, 0.02]})
    found = rows_with(figures.agreement(frame), "direct", "chained")
    assert found == {(0.5, 0.4), (0.01, 0.02), (1e-4, 1e-4), (1.0, 1.0)}


def test_speed_is_ordered_and_drawn_on_a_scale_that_holds_it() -> None:
    frame = pl.DataFrame({"model": ["slow", "fast", "none"], "estimate": [2.0, 200.0, None]})
    chart = figures.rates(frame)
    assert [(row["model"], row["estimate"]) for row in drawn(chart)] == [("fast", 200.0), ("slow", 2.0)]
    domains = [each["x"]["scale"]["domain"] for each in encodings(chart) if "scale" in each.get("x", {})]
    assert domains
    assert all(low < 2 and high > 200 for low, high in domains)


def test_scaling_has_a_line_for_each_model() -> None:
    rows = [("a", 100, 30.0), ("a", 1000, 20.0), ("b", 100, 25.0), ("b", 1000, float("inf"))]
    frame = pl.DataFrame(rows, schema=["model", "careers", "estimate"], orient="row")
    assert rows_with(figures.scaling(frame), "model", "careers", "estimate") == set(rows[:3])


def test_records_of_a_panel_are_stacked_in_the_order_of_activities() -> None:
    frame = pl.DataFrame(
        {"year": [2000, 2000, 2001], "activity": ["employed", "unemployed", "employed"], "records": [30, 12, 41]}
    )
    chart = panel_figures.records_by_year(frame, ["employed", "unemployed"])
    assert rows_with(chart, "year", "activity", "records", "place") == {
        (2000, "employed", 30, 0),
        (2000, "unemployed", 12, 1),
        (2001, "employed", 41, 0),
    }


def test_other_figures_of_a_panel_draw_their_tables() -> None:
    states = pl.DataFrame({"age": [20, 21], "state": ["unemployed"] * 2, "share": [0.25, 0.125]})
    assert rows_with(panel_figures.states_by_age(states, ["unemployed"]), *states.columns) == set(states.rows())
    moves = pl.DataFrame({"group": ["A", "B"], "next_group": ["B", "B"], "share": [0.2, 1.0]})
    assert rows_with(panel_figures.group_transitions(moves, ["A", "B"]), *moves.columns) == set(moves.rows())
    known = pl.DataFrame({"covariate": ["gender", "region"], "known": [1.0, 0.4]})
    assert rows_with(panel_figures.covariates_known(known), *known.columns) == set(known.rows())


@given(st.lists(st.one_of(st.none(), st.floats(-100, 100), st.just(float("inf"))), max_size=8))
def test_extremes_are_of_what_is_finite(values: list[float | None]) -> None:
    frame = pl.DataFrame({"a": values, "b": values}, schema={"a": pl.Float64, "b": pl.Float64})
    kept = [value for value in values if value is not None and value != float("inf")]
    assert extreme(frame, "a", "b") == ((min(kept), max(kept)) if kept else (0.0, 1.0))
    assert finite(frame, "a")["a"].to_list() == kept


def test_a_chart_copies_no_column_that_it_does_not_draw() -> None:
    """A frame may carry what no page is to show."""
    frame = pl.DataFrame({"model": ["a"], "estimate": [2.0], "low": [1.0], "high": [3.0], "worker": ["Ada"]})
    for draw in (figures.perplexity_by_model, figures.ratios):
        assert "Ada" not in json.dumps(draw(frame).to_dict())


def test_a_table_of_a_frame_has_its_rows_and_drops_what_is_never_known() -> None:
    frame = pl.DataFrame({"next_group": ["A", None], "people": [12345, 3], "share": [0.5, None], "none": [None, None]})
    table = frame_table("Numbers", frame)
    assert table.header == ("next group", "people", "share")
    assert [row[:2] for row in table.rows] == [("A", "12,345"), ("", "3")]
    assert table.words == (0,)
    shown = pl.read_csv(table.to_csv().encode())
    assert shown.columns == list(table.header)
    assert shown.height == 2
