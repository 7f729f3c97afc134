"""What the benchmark of the coder says: the goals on O*NET's other half, and titles held out of each list."""

from pathlib import Path

import pytest

from benchmarks.titles.measure import held_out_accuracy, measure_coding
from benchmarks.titles.onet import KNOWN, codes_of_onet, read_onet
from laborllm.errors import SourceError
from laborllm.occupations.coding import Accuracy, load_coder, measure_accuracy
from laborllm.occupations.coding.accuracy import unlisted


@pytest.fixture(scope="module")
def other_half() -> tuple[Accuracy, Accuracy]:
    """Titles that nothing was fitted or tuned on: all, and those that no list has."""
    coder, known_codes = load_coder(), codes_of_onet(read_onet(), low=KNOWN, high=1)
    return measure_accuracy(coder, known_codes), measure_accuracy(coder, unlisted(coder, known_codes))


@pytest.mark.slow
def test_more_than_the_goal_is_right_on_titles_of_no_list(other_half: tuple[Accuracy, Accuracy]) -> None:
    found = other_half[1]
    assert found.titles > 9000
    assert found.top_1 > 0.55
    assert found.top_5 > 0.75


@pytest.mark.slow
def test_the_confidence_is_the_share_right(other_half: tuple[Accuracy, Accuracy]) -> None:
    for found, most in zip(other_half, (0.033, 0.045), strict=True):
        off = (found.by_decile["confidence"] - found.by_decile["accuracy"]).abs().to_list()
        assert max(off) < most
        assert sum(decile > 0.03 for decile in off) <= 2  # of titles of no list, as the documentation says


@pytest.mark.slow
def test_the_confidence_of_short_titles_is_the_share_right() -> None:
    coder, short = load_coder(), codes_of_onet(read_onet(), low=KNOWN, high=1, short=True)
    found = measure_accuracy(coder, unlisted(coder, short))
    assert found.top_1 > 0.58
    assert found.by_threshold["confidence"][0] == pytest.approx(found.top_1, abs=0.02)
    off = found.by_decile["accuracy"] - found.by_decile["confidence"]
    assert off.tail(5).mean() == pytest.approx(0, abs=0.04)


@pytest.mark.slow
def test_titles_held_out_of_each_list_are_right_as_often_as_they_were() -> None:
    found = held_out_accuracy(seed=1)
    assert found["index"].top_1 > 0.48
    assert found["index"].top_5 > 0.75
    assert found["handbooks"].top_1 > 0.63
    assert found["handbooks"].top_5 > 0.84


def test_a_file_of_titles_has_its_columns(tmp_path: Path) -> None:
    (tmp_path / "titles.csv").write_text("title\ncook\n")
    with pytest.raises(SourceError, match=r"titles\.csv: no columns title and code"):
        measure_coding(tmp_path / "titles.csv")
