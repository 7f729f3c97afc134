"""Spelling against the distance of Damerau and Levenshtein in plain recursion."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.occupations.coding.ranker import Words
from laborllm.occupations.coding.spelling import FREQUENT, LONG, Spelling

LISTED = [
    *[("registered", "nurse"), ("machinist",), ("baker", "cashier")] * FREQUENT,
    ("constable",),
    ("police", "van"),
]
LETTERS = st.text("ab", min_size=LONG - 2, max_size=LONG + 1)


def distance(one: str, other: str) -> int:
    """Letters to add, leave out, replace or swap with the next, each at most once in a place."""

    @cache
    def upto(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        found = [upto(i - 1, j) + 1, upto(i, j - 1) + 1, upto(i - 1, j - 1) + (one[i - 1] != other[j - 1])]
        if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
            found.append(upto(i - 2, j - 2) + 1)
        return min(found)

    return upto(len(one), len(other))


def nothing(title: Words) -> bool:
    """Whether a title is listed, where none is."""
    return False


@given(st.dictionaries(LETTERS, st.integers(FREQUENT - 2, FREQUENT + 2), min_size=1, max_size=6), LETTERS)
def test_an_unlisted_word_becomes_the_most_frequent_that_is_one_slip_away(listed: dict[str, int], word: str) -> None:
    spelling = Spelling.learn([(one,) for one, titles in listed.items() for _ in range(titles)])
    (found,) = spelling.corrected((word,), nothing)
    alike = [one for one in listed if distance(one, word) == 1 and one[0] == word[0]]
    near = [one for one in alike if listed[one] >= FREQUENT and max(len(one), len(word)) >= LONG]
    if word in listed or not near:
        assert found == word
    else:
        assert listed[found] == max(listed[one] for one in near)
        assert found in near


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("nurse", "nurse"),
        ("machinst", "machinist"),
        ("regsitered", "registered"),
        ("cashieer", "cashier"),
        ("nursee", "nursee"),
        ("bauer", "bauer"),
        ("contable", "contable"),
        ("machinst1", "machinst1"),
    ],
    ids=["listed", "missing", "swapped", "doubled", "short", "of another language", "like a rare one", "with a figure"],
)
def test_a_slip_of_a_long_and_frequent_word_is_that_word(said: str, read: str) -> None:
    assert Spelling.learn(LISTED).corrected((said,), nothing) == (read,)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("registered nruse", "registered nurse"),
        ("polce van", "police van"),
        ("polce nurse", "polce nurse"),
        ("polce vna", "polce vna"),
        ("nruse", "nruse"),
        ("florsit", "florist"),
        ("registerer", "registerer"),
    ],
    ids=["short", "rare", "listed as no whole", "two slips", "short and alone", "rare and alone", "listed itself"],
)
def test_a_slip_in_a_listed_title_may_be_of_a_shorter_or_rarer_word(said: str, read: str) -> None:
    titles = [*LISTED, ("registerer",), ("florist",), ("nurse",)]
    found = Spelling.learn(titles).corrected(tuple(said.split()), set(titles).__contains__)
    assert found == tuple(read.split())


def test_the_word_that_makes_a_listed_title_comes_before_a_more_frequent_one() -> None:
    titles = [*[("electrical", "engineer")] * 3 * FREQUENT, *[("electrician",)] * FREQUENT]
    assert Spelling.learn(titles).corrected(("electrican",), set(titles).__contains__) == ("electrician",)
