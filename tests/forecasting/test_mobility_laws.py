"""Laws of flows between occupations, for any flows: shares, steps, feeders and ways of two moves in plain loops."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.forecasting.groups.mobility import Mobility
from laborllm.forecasting.groups.steps import feeders, next_steps, reachable
from laborllm.occupations import Taxonomy

JOBS = [(str(at), f"Job {at}", f"Group {at % 2}") for at in range(5)]
TAXONOMY = Taxonomy.from_occupations("five", JOBS).with_states(["unemployed"])
SIZE = len(TAXONOMY)
MANY = settings(max_examples=40)


@st.composite
def flows(draw: st.DrawFn, *, positive: bool = False) -> Mobility:
    """Flows of which some are zero, unless `positive`."""
    generator = np.random.default_rng(draw(st.integers(0, 100_000)))
    flow = generator.gamma(0.5, 10, size=(SIZE, SIZE)) + (0.01 if positive else 0)
    if not positive:
        flow *= generator.random((SIZE, SIZE)) < draw(st.floats(0.2, 1))
    return Mobility(TAXONOMY, flow, generator.integers(1, 50, size=SIZE), "INVENTED")


CODES = st.sampled_from(TAXONOMY.codes)


@MANY
@given(flows())
def test_shares_are_the_flows_of_a_row_over_their_sum(found: Mobility) -> None:
    for origin in range(SIZE):
        whole = sum(found.flow[origin].tolist())
        leaving = whole - found.flow[origin, origin]
        for destination in range(SIZE):
            flow = found.flow[origin, destination]
            assert found.share[origin, destination] == pytest.approx(flow / whole if whole else 0)
            moved = 0 if destination == origin or leaving < 1e-12 else flow / leaving
            assert found.of_moves[origin, destination] == pytest.approx(moved)


@MANY
@given(flows(), st.floats(0.1, 1000))
def test_twice_the_people_change_no_share(found: Mobility, times: float) -> None:
    more = Mobility(TAXONOMY, times * found.flow, found.people, found.source)
    np.testing.assert_allclose(more.share, found.share, atol=1e-12)
    np.testing.assert_allclose(more.of_moves, found.of_moves, atol=1e-12)


@MANY
@given(flows(), CODES, st.integers(1, 7))
def test_steps_list_everything_once_and_add_to_one(found: Mobility, code: str, top: int) -> None:
    steps = next_steps(found, code, top=top)
    at = found.column(code)
    assert steps["kind"].to_list() == ["stay", *["move"] * min(top, SIZE - 1), "other"]
    assert steps["code"][0] == code
    assert steps["code"].drop_nulls().is_unique().all()
    assert steps["share"].sum() == pytest.approx(found.share[at].sum())
    moves = steps.filter(kind="move")["of_moves"]
    assert moves.to_list() == pytest.approx(sorted(np.delete(found.of_moves[at], at), reverse=True)[:top])
    assert steps["of_moves"].sum() == pytest.approx(found.of_moves[at].sum())
    assert (steps["people"] == found.people[at]).all()


@MANY
@given(flows(positive=True), CODES)
def test_feeders_are_the_steps_of_the_flows_turned_round(found: Mobility, code: str) -> None:
    turned = Mobility(TAXONOMY, found.flow.T.copy(), found.people, found.source)
    into, out = feeders(found, code, top=3), next_steps(turned, code, top=3)
    columns = ["kind", "code", "title"]
    assert into.select(columns).equals(out.select(columns))
    for name in ("share", "of_moves"):
        np.testing.assert_allclose(into[name].fill_null(0), out[name].fill_null(0), atol=1e-12)
    position = TAXONOMY.position
    expected = [None if other is None else found.people[position[other]] for other in into["code"]]
    assert into["people"].to_list() == expected


@MANY
@given(flows(), CODES, st.floats(0.01, 0.5))
def test_what_can_be_reached_is_what_a_search_finds(found: Mobility, code: str, least: float) -> None:
    at, ways = found.column(code), found.of_moves
    expected: dict[str, tuple[int, float]] = {}
    for column, (other, _, _) in enumerate(JOBS):
        if other == code:
            continue
        if ways[at, column] >= least:
            expected[other] = (1, ways[at, column])
            continue
        through = [
            ways[at, between] * ways[between, column]
            for between in range(SIZE)
            if ways[at, between] >= least and ways[between, column] >= least
        ]
        if through:
            expected[other] = (2, max(through))
    table = reachable(found, code, least=least)
    assert {row[0]: row[1] for row in table.select("code", "moves").iter_rows()} == {
        other: moves for other, (moves, _) in expected.items()
    }
    for other, share in table.select("code", "share").iter_rows():
        assert share == pytest.approx(expected[other][1])
    assert table["moves"].is_sorted()
    assert table.filter(moves=1)["via"].null_count() == table.filter(moves=1).height
    one = reachable(found, code, least=least, moves=1)
    assert one.equals(table.filter(moves=1))


@MANY
@given(flows(), CODES)
def test_a_higher_bar_reaches_no_more(found: Mobility, code: str) -> None:
    low, high = (set(reachable(found, code, least=least, moves=1)["code"]) for least in (0.05, 0.3))
    assert high <= low
    assert "unemployed" not in low


@MANY
@given(flows(positive=True))
def test_in_the_long_run_as_many_come_as_go(found: Mobility) -> None:
    at_rest = found.in_the_long_run()
    np.testing.assert_allclose(at_rest.flow.sum(axis=0), at_rest.flow.sum(axis=1), atol=1e-9)
    assert at_rest.flow.sum() == pytest.approx(1)
    np.testing.assert_allclose(at_rest.share, found.share, atol=1e-12)
    power = np.linalg.matrix_power(found.share, 4096)
    np.testing.assert_allclose(at_rest.flow.sum(axis=1), power[0], atol=1e-6)


@MANY
@given(flows(positive=True), CODES)
def test_wages_are_joined_and_pay_no_less_keeps_those_above(found: Mobility, code: str) -> None:
    wages = pl.DataFrame({"code": TAXONOMY.codes[:4], "wage": [10.0, 20.0, 5.0, 40.0]})
    known = dict(wages.iter_rows())
    table = reachable(found, code, wages=wages, least=0.0)
    for row in table.iter_rows(named=True):
        assert row["wage"] == known.get(row["code"])
        both = row["code"] in known and code in known
        assert row["wage_ratio"] == (known[row["code"]] / known[code] if both else None)
    if code in known:
        kept = reachable(found, code, wages=wages, least=0.0, paying_no_less=True)
        assert set(kept["code"]) == {other for other in set(table["code"]) & set(known) if known[other] >= known[code]}
