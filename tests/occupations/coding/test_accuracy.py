"""Shares of a coder that can be worked out by hand; `tests/bench/titles` measures the one that ships."""

from collections.abc import Iterator

import polars as pl
import pytest

from laborllm.occupations.coding import measure_accuracy
from laborllm.occupations.coding.accuracy import LONGEST, answers, unlisted
from laborllm.occupations.coding.coder import TitleCoder
from laborllm.occupations.coding.listed import ListedTitles
from laborllm.occupations.taxonomy import Taxonomy


@pytest.fixture
def coder() -> Iterator[TitleCoder]:
    """A coder of two occupations, one of them of each of two groups."""
    taxonomy = Taxonomy.from_occupations("occ1990dd", [("436", "Cooks", "A"), ("95", "Nurses", "A")])
    index = pl.DataFrame({"title": ["cook"], "code": ["436"], "lines": [1]})
    none = index.select("title", "code").clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("laborllm.occupations.coding.accuracy.load_groups", lambda *_: ("Food", "Health"))
        yield TitleCoder.learn(taxonomy, ListedTitles(index, none, none, (("nurse", "95"),)))


def test_shares_of_a_made_up_coder(coder: TitleCoder) -> None:
    """Three titles: one right at first, one among the candidates, one that names no job."""
    found = measure_accuracy(coder, {"cook": {"436"}, "nurse": {"436"}, "student": {"95"}})
    assert found.titles == 3
    assert [found.top_1, found.top_5] == pytest.approx([1 / 3, 2 / 3])
    assert found.by_group["titles"].to_list() == [2, 1]
    assert found.by_threshold["coverage"].to_list()[0] == 1
    assert found.by_decile["titles"].sum() == 3


def test_answers_say_how_a_title_was_found_and_how_long_it_is(coder: TitleCoder) -> None:
    asked = answers(coder, {"cook": {"436"}, "senior cook": {"95"}, "cook of soup": {"436"}, "a b c d e f g h": {"95"}})
    assert asked["match"].to_list() == ["same words", "fewer words", "similar words", "similar words"]
    assert asked["words"].to_list() == [1, 2, 2, LONGEST]
    assert asked["group"].to_list() == ["Food", "Health", "Food", "Health"]
    assert asked["top_1"].to_list()[:2] == [True, False]
    assert unlisted(asked)["title"].to_list() == ["cook of soup", "a b c d e f g h"]
