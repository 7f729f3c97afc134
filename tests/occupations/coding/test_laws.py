"""Laws of a coder of titles: a title is coded by itself, probabilities add up, a correction moves nothing else."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.errors import TaxonomyError
from laborllm.occupations.coding.accuracy import THRESHOLDS, measure_accuracy, right_codes
from laborllm.occupations.coding.coder import CORRECTION, NO_JOB, WITHOUT_CODE, TitleCoder, load_coder
from laborllm.occupations.coding.words import names_no_job, without_place, without_rank, words

WORDS = (
    "line",
    "cook",
    "nurse",
    "registered",
    "head",
    "truck",
    "driver",
    "sales",
    "clerk",
    "senior",
    "zorb",
    "teacher",
)
TITLE = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
TITLES = st.lists(TITLE, min_size=1, max_size=6, unique=True)
FEW = settings(max_examples=8, deadline=None)
PLAIN = st.text(st.characters(codec="ascii", categories=("Ll", "Lu", "Nd", "Zs", "Pd", "Po")), max_size=25)


@pytest.fixture(scope="module")
def coder() -> TitleCoder:
    return load_coder()


@FEW
@given(titles=TITLES)
def test_a_title_is_coded_as_it_is_alone(coder: TitleCoder, titles: list[str]) -> None:
    together = coder.code(titles, threshold=0)
    assert together["title"].to_list() == titles
    for row, title in zip(together.rows(), titles, strict=True):
        (alone,) = coder.code([title], threshold=0).rows()
        assert alone[:2] == row[:2]
        assert alone[2] == pytest.approx(row[2], abs=1e-6)
    turned = coder.code(titles[::-1], threshold=0)
    assert turned.reverse().drop("confidence").equals(together.drop("confidence"))
    assert coder.code([*titles, None, *titles], threshold=0).equals(together)


@FEW
@given(title=TITLE)
def test_candidates_are_a_distribution_with_the_code_first(coder: TitleCoder, title: str) -> None:
    every = coder.candidates(title, count=len(coder.taxonomy))
    codes, confidence = zip(*every, strict=True)
    assert set(codes) == set(coder.taxonomy.codes)
    assert sum(confidence) == pytest.approx(1)
    assert list(confidence) == sorted(confidence, reverse=True)
    assert coder.candidates(title, count=3) == every[:3]
    (best,) = coder.code([title], threshold=0).select("code", "confidence").rows()
    assert max(confidence) == pytest.approx(best[1])


@FEW
@given(titles=TITLES, low=st.floats(0, 1), high=st.floats(0, 1))
def test_a_higher_threshold_codes_no_more(coder: TitleCoder, titles: list[str], low: float, high: float) -> None:
    low, high = sorted((low, high))
    some, fewer = coder.code(titles, threshold=low), coder.code(titles, threshold=high)
    assert some.drop("code").equals(fewer.drop("code"))
    for one, other, confidence, match in zip(
        *(some["code"], fewer["code"], some["confidence"], some["match"]), strict=True
    ):
        assert other in (one, None)
        assert (one is not None) == (confidence >= low and match not in WITHOUT_CODE)


@FEW
@given(titles=TITLES)
def test_a_correction_moves_its_title_and_no_other(coder: TitleCoder, titles: list[str]) -> None:
    own = coder.with_corrections({"Zorb of the senior line": "95"})
    said = "LINE of the zorb, Senior"
    assert own.code([said]).select("code", "confidence", "match").rows() == [("95", 1.0, CORRECTION)]
    others = [title for title in titles if sorted(title.split()) != ["line", "senior", "zorb"]]
    assert own.code(others, threshold=0).equals(coder.code(others, threshold=0))


def test_corrections_that_say_nothing_are_refused(coder: TitleCoder) -> None:
    with pytest.raises(TaxonomyError, match="'zorb' is no code of taxonomy"):
        coder.with_corrections({"cook": "zorb"})
    with pytest.raises(TaxonomyError, match="the title has no words"):
        coder.with_corrections({"...": "95"})
    for threshold in (-0.1, 1.1):
        with pytest.raises(TaxonomyError, match="must be from 0 to 1"):
            coder.code(["cook"], threshold=threshold)


def test_who_has_no_job_has_no_code(coder: TitleCoder) -> None:
    for title in ("student", "", "--"):
        assert coder.code([title], threshold=0).select("code", "confidence", "match").rows() == [(None, 0.0, NO_JOB)]
        assert coder.candidates(title) == []


@given(PLAIN)
def test_words_do_not_change_when_they_are_read_again(title: str) -> None:
    once = words(title)
    assert words(title.upper()) == words(title.lower())
    assert words(f"  {title}  ") == once
    assert set(without_rank(once)) <= set(once)
    assert title.startswith(without_place(title))
    assert names_no_job(()) is True


def test_shares_of_accuracy_are_those_of_a_loop(coder: TitleCoder) -> None:
    table = pl.DataFrame(
        {
            "title": ["line cook", "registered nurse", "registered nurse", "truck driver", "zorb", "student"],
            "code": ["436", "95", "207", "804", "95", "95"],
        }
    )
    known = right_codes(table)
    assert known == {
        "line cook": {"436"},
        "registered nurse": {"95", "207"},
        "truck driver": {"804"},
        "zorb": {"95"},
        "student": {"95"},
    }
    found = measure_accuracy(coder, known)
    five = {title: coder.candidates(title) for title in known}
    first = {title: bool(each) and each[0][0] in known[title] for title, each in five.items()}
    assert found.titles == 5
    assert found.top_1 == pytest.approx(np.mean(list(first.values())))
    assert found.top_5 == pytest.approx(
        np.mean([any(code in known[title] for code, _ in each) for title, each in five.items()])
    )
    confidence = {title: each[0][1] if each else 0.0 for title, each in five.items()}
    for threshold, coverage, accuracy, _ in found.by_threshold.iter_rows():
        sure = [title for title in known if confidence[title] >= threshold]
        assert coverage == pytest.approx(len(sure) / 5)
        assert accuracy == (pytest.approx(np.mean([first[title] for title in sure])) if sure else None)
    assert found.by_threshold["threshold"].to_list() == list(THRESHOLDS)
    assert found.by_decile["titles"].sum() == found.by_group["titles"].sum() == 5
    assert found.by_decile["confidence"].is_sorted()
