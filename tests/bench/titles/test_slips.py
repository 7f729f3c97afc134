"""Mistyped titles: how they are made, and what the coder makes of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.titles.slips import mistyped, slips
from laborllm.occupations.coding import load_coder, measure_accuracy
from laborllm.occupations.coding.accuracy import right_codes
from laborllm.occupations.coding.listed import load_titles
from occupations.coding.test_spelling import distance


@given(st.text("abc", min_size=2, max_size=6))
def test_a_slip_is_one_letter_away_and_keeps_the_first(word: str) -> None:
    found = slips(word)
    assert all(distance(word, slip) == 1 and slip[0] == word[0] for slip in found)
    assert word[:-1] in found


def test_titles_of_short_words_are_not_mistyped() -> None:
    found = mistyped({"cook": {"436"}, "cashier": {"276"}, "head cashier": {"276"}, "9-1-1 aide": {"315"}})
    (one,), (several,) = found["one word"], found["several words"]
    assert one != "cashier"
    assert several.startswith("head ")
    assert found == mistyped({"cashier": {"276"}, "head cashier": {"276"}})


@pytest.mark.parametrize(("kind", "coded"), [("one word", 0.85), ("several words", 0.98)])
def test_most_mistyped_titles_are_coded_right(kind: str, coded: float) -> None:
    found = measure_accuracy(load_coder(), mistyped(right_codes(load_titles().modern))[kind])
    (default,) = found.by_threshold.filter(threshold=0.5).rows(named=True)
    assert default["coverage"] > coded
    assert default["accuracy"] > 0.95
