"""Shares of a coder that can be worked out by hand; `tests/bench/titles` measures the one that ships."""

import polars as pl
import pytest

from laborllm.occupations.coding import measure_accuracy
from laborllm.occupations.coding.accuracy import unlisted
from laborllm.occupations.coding.coder import TitleCoder
from laborllm.occupations.coding.listed import ListedTitles
from laborllm.occupations.taxonomy import Taxonomy


def test_shares_of_a_made_up_coder() -> None:
    """Three titles: one right at first, one among the candidates, one that names no job."""
    taxonomy = Taxonomy.from_occupations("occ1990dd", [("436", "Cooks", "A"), ("95", "Nurses", "A")])
    index = pl.DataFrame({"title": ["cook"], "code": ["436"], "lines": [1]})
    none = index.select("title", "code").clear()
    lists = ListedTitles(index, none, none, (("nurse", "95"),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("laborllm.occupations.coding.accuracy.load_groups", lambda *_: ("Food", "Health"))
        coder = TitleCoder.learn(taxonomy, lists)
        found = measure_accuracy(coder, {"cook": {"436"}, "nurse": {"436"}, "student": {"95"}})
    assert found.titles == 3
    assert [found.top_1, found.top_5] == pytest.approx([1 / 3, 2 / 3])
    assert found.by_group["titles"].to_list() == [2, 1]
    assert found.by_threshold["coverage"].to_list()[0] == 1
    assert found.by_decile["titles"].sum() == 3
    assert list(unlisted(coder, {"cook": {"436"}, "cook of soup": {"436"}})) == ["cook of soup"]
