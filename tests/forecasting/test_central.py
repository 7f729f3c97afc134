"""Central intervals against ranks in exact fractions, where floating point is one order statistic off."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.test_shares import PATHS, cell, simulation
from laborllm.forecasting.backtests.scores import interval_holds
from laborllm.forecasting.central import central_interval, order_statistics, tails
from laborllm.forecasting.groups.shares import group_shares
from laborllm.forecasting.hub import hub_shares
from laborllm.forecasting.summaries import moves


def test_a_tail_that_is_a_whole_number_of_draws_ends_there() -> None:
    """2.5 % of 200 draws are five: the lower end is the fifth; numpy takes the sixth for (1 - 0.95) / 2."""
    draws = np.random.default_rng(0).permutation(np.arange(1, 201))
    assert [int(end) for end in central_interval(draws, 0.95)] == [5, 195]
    assert np.quantile(draws, (1 - 0.95) / 2, method="inverted_cdf") == 6


@given(st.integers(1, 400), st.integers(1, 99))
def test_ends_are_the_least_draws_that_a_share_does_not_exceed(count: int, per_cent: int) -> None:
    draws = np.arange(count)  # the k-th smallest is k - 1
    low, high = central_interval(draws, per_cent / 100)
    tail = Fraction(100 - per_cent, 200)
    for end, share in ((low, tail), (high, 1 - tail)):
        assert Fraction(int(end) + 1, count) >= share
        assert end == 0 or Fraction(int(end), count) < share


def test_each_column_has_an_interval_of_its_own() -> None:
    draws = np.random.default_rng(1).integers(0, 50, size=(3, 40, 2))
    low, high = central_interval(draws, 0.9, axis=1)
    for row in range(3):
        for column in range(2):
            ordered = sorted(draws[row, :, column].tolist())
            assert (low[row, column], high[row, column]) == (ordered[1], ordered[37])


@pytest.mark.parametrize(
    ("level", "expected"), [(0.95, ("0.025", "0.975")), (0.9, ("0.05", "0.95")), (0.8, ("0.1", "0.9"))]
)
def test_tails_are_the_numbers_one_writes(level: float, expected: tuple[str, str]) -> None:
    assert tuple(map(str, tails(level))) == expected
    table = hub_shares(group_shares(simulation(PATHS), level=level), "counts", level=level)
    assert set(table.filter(output_type="quantile")["output_type_id"]) == set(expected)


def test_the_fifth_of_two_hundred_counts_is_inside() -> None:
    """A count that 195 draws reach and five lie at: inside for a backtest, and the lower end for a group."""
    draws = np.concatenate([np.full(5, 3.0), np.full(195, 7.0)])[None]
    assert interval_holds(draws, np.array([3.0]), 0.95).all()
    assert not interval_holds(draws[:, 1:], np.array([3.0]), 0.95).any()  # four of 199 are less than 2.5 %
    paths = np.zeros((7, 200, 1), dtype=np.int16)
    paths[3:, :5] = 1  # in five futures, four of seven people are waiters
    found = group_shares(simulation(paths), level=0.95)
    assert cell(found, 2025, "1")["low"] == 3
    assert cell(found, 2025, "2")["high"] == 0


def test_moves_mark_exact_shares_of_paths() -> None:
    """Five per cent of 140 paths are seven."""
    paths = np.zeros((1, 140, 2), dtype=np.int16)  # from occupation 1, column 0: no moves
    paths[0, 7:, 1] = 1
    row = moves(simulation(paths)).row(0, named=True)
    assert (row["low"], row["median"], row["high"]) == (0, 1, 1)
    assert [int(end) for end in order_statistics(np.arange(140), [Fraction(1, 20)])] == [6]
