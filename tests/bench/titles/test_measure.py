"""What the benchmark of the coder says: the goals on O*NET's titles, and titles held out of each list."""

from pathlib import Path

import polars as pl
import pytest
from scipy.stats import binom  # type: ignore[import-untyped]

from benchmarks.titles.chance import TOLERANCE, chance_to_pass
from benchmarks.titles.measure import cross_fitted_answers, held_out_answers, measure_coding
from benchmarks.titles.onet import read_onet
from laborllm.errors import SourceError
from laborllm.occupations import load_taxonomy
from laborllm.occupations.coding.accuracy import accuracy_of, unlisted
from laborllm.occupations.coding.listed import load_titles


@pytest.fixture(scope="module")
def asked() -> dict[str, pl.DataFrame]:
    """Each title of O*NET, asked of a coder that was fitted without it: ten minutes."""
    taxonomy = load_taxonomy("occ1990dd")
    return cross_fitted_answers(taxonomy, load_titles().with_taxonomy(taxonomy), read_onet())


@pytest.mark.slow
def test_more_than_the_goal_is_right_on_titles_of_no_list(asked: dict[str, pl.DataFrame]) -> None:
    found = accuracy_of(unlisted(asked["titles of O*NET"]))
    assert found.titles > 18_000
    assert found.top_1 > 0.63
    assert found.top_5 > 0.87


@pytest.mark.slow
def test_the_confidence_is_the_share_right(asked: dict[str, pl.DataFrame]) -> None:
    for answered in (asked["titles of O*NET"], unlisted(asked["titles of O*NET"])):
        assert max(off_by_decile(answered)) < TOLERANCE


@pytest.mark.slow
def test_the_confidence_of_short_titles_is_the_share_right(asked: dict[str, pl.DataFrame]) -> None:
    short = unlisted(asked["short titles of O*NET"])
    found = accuracy_of(short)
    assert found.top_1 > 0.58
    assert found.by_threshold["confidence"][0] == pytest.approx(found.top_1, abs=0.02)


@pytest.mark.slow
def test_titles_held_out_of_each_list_are_right_as_often_as_they_were() -> None:
    found = {name: accuracy_of(answered) for name, answered in held_out_answers(seed=1).items()}
    assert found["index"].top_1 > 0.48
    assert found["index"].top_5 > 0.75
    assert found["handbooks"].top_1 > 0.63
    assert found["handbooks"].top_5 > 0.84


def off_by_decile(answered: pl.DataFrame) -> list[float]:
    """How far the confidence is from the share right."""
    deciles = accuracy_of(answered).by_decile
    return (deciles["confidence"] - deciles["accuracy"]).abs().to_list()


def test_the_chance_to_pass_is_that_of_a_binomial() -> None:
    """Deciles of 410 titles, all half sure: within the tolerance with 193 to 217 right, probability 0.78."""
    even = pl.DataFrame({"confidence": [0.5] * 4100})
    within = binom.cdf(217, 410, 0.5) - binom.cdf(192, 410, 0.5)
    assert chance_to_pass(even) == pytest.approx(within**10, abs=0.02)
    assert chance_to_pass(pl.DataFrame({"confidence": [1.0] * 50})) == 1


def test_a_file_of_titles_has_its_columns(tmp_path: Path) -> None:
    (tmp_path / "titles.csv").write_text("title\ncook\n")
    with pytest.raises(SourceError, match=r"titles\.csv: no columns title and code"):
        measure_coding(tmp_path / "titles.csv")
