"""What the coder gets right on titles it has not seen, and that its confidence is the probability of being right."""

from pathlib import Path

import polars as pl
import pytest

from laborllm.occupations.coding import Accuracy, held_out_accuracy, load_coder, measure_accuracy
from laborllm.occupations.coding.accuracy import right_codes, unlisted
from laborllm.occupations.coding.coder import TitleCoder
from laborllm.occupations.coding.listed import ListedTitles
from laborllm.occupations.taxonomy import Taxonomy

ONET = Path(__file__).parents[3] / "benchmarks" / "onet_titles.csv"
"""A sample of the alternate titles of O*NET (US Department of Labor, CC BY 4.0), led to occ1990dd by their SOC code."""


@pytest.fixture(scope="module")
def held_out() -> dict[str, Accuracy]:
    return held_out_accuracy(seed=1)  # the weights were fitted on seed 3


@pytest.fixture(scope="module")
def onet() -> Accuracy:
    titles = pl.read_csv(ONET, schema_overrides={"code": pl.String})
    return measure_accuracy(load_coder(), right_codes(titles))


@pytest.mark.parametrize(("source", "first", "five"), [("index", 0.48, 0.75), ("handbooks", 0.63, 0.84)])
def test_accuracy_on_titles_held_out_does_not_fall(
    source: str, first: float, five: float, held_out: dict[str, Accuracy]
) -> None:
    assert held_out[source].top_1 > first
    assert held_out[source].top_5 > five


def test_accuracy_on_titles_of_another_source_does_not_fall(onet: Accuracy) -> None:
    assert onet.titles > 500
    assert onet.top_1 > 0.51
    assert onet.top_5 > 0.76


@pytest.mark.parametrize("source", ["index", "handbooks"])
def test_the_confidence_is_the_probability_of_being_right(source: str, held_out: dict[str, Accuracy]) -> None:
    found = held_out[source]
    deciles = found.by_decile
    assert deciles["titles"].sum() == found.titles
    off = (deciles["confidence"] - deciles["accuracy"]).abs()
    assert off.mean() < {"index": 0.03, "handbooks": 0.08}[source]  # type: ignore[operator]
    assert (deciles["accuracy"].diff().drop_nulls() > -0.08).all()  # surer is no less right, but for chance


def test_shares_of_a_made_up_coder() -> None:
    """Three titles: one right at first, one among the candidates, one that names no job."""
    taxonomy = Taxonomy.from_occupations("occ1990dd", [("436", "Cooks", "A"), ("95", "Nurses", "A")])
    index = pl.DataFrame({"title": ["cook"], "code": ["436"], "lines": [1]})
    lists = ListedTitles(index, index.select("title", "code").clear(), (("nurse", "95"),))
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
