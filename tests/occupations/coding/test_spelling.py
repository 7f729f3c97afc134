"""Spelling against the distance of Damerau and Levenshtein in plain recursion."""

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from laborllm.occupations.coding.spelling import SHORTEST, Spelling

LISTED = [("register", "nurse"), ("nurse",), ("machinist",), ("baker", "cashier")]
LETTERS = st.text("abenrsut", min_size=1, max_size=9)


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


@given(st.lists(LETTERS, min_size=1, max_size=6), LETTERS)
def test_an_unlisted_word_becomes_the_most_frequent_that_is_one_slip_away(listed: list[str], word: str) -> None:
    spelling = Spelling.learn([(one,) for one in listed])
    (found,) = spelling.corrected((word,))
    near = [one for one in listed if distance(one, word) == 1 and one[0] == word[0] and len(one) >= SHORTEST]
    if word in listed or len(word) < SHORTEST or not near:
        assert found == word
    else:
        assert listed.count(found) == max(map(listed.count, near))
        assert found in near


def test_listed_short_and_numbered_words_stay() -> None:
    spelling = Spelling.learn(LISTED)
    assert spelling.corrected(("nurse", "nursee", "nrs", "machinst", "baker1")) == (
        "nurse",
        "nurse",
        "nrs",
        "machinist",
        "baker1",
    )
