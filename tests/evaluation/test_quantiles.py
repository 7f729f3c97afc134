"""Quantiles in files are those of numpy over all numbers at once."""

import numpy as np
import pytest

from laborllm.evaluation.scores.quantiles import quantiles

SHARES = np.array([0, 0.2, 0.4, 0.5, 0.8, 1])


@pytest.mark.parametrize("size", [1, 2, 4, 5, 100_003])
@pytest.mark.parametrize("ties", [False, True])
def test_as_numpy_has_them(size: int, ties: bool) -> None:
    """Of more numbers than are in memory at once, in a known order and in none, many of them alike."""
    numbers = np.random.default_rng(size).lognormal(3, 2, size)
    numbers = numbers.round(-2) if ties else numbers
    for each in (numbers, np.sort(numbers)):
        known = np.insert(each, [0, size // 2, size], [np.nan, np.inf, -np.inf])
        found = quantiles(np.array_split(known, 7), SHARES)
        assert found is not None
        assert found.tolist() == np.quantile(each, SHARES).tolist()


def test_of_no_number_there_is_none() -> None:
    assert quantiles([np.array([np.nan]), np.array([])], SHARES) is None
