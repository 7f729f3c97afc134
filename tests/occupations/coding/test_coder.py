"""Titles to codes: what is certain, what is likely, what stays uncoded, and how true the confidence is."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import TaxonomyError
from laborllm.occupations import load_taxonomy
from laborllm.occupations.coding import Accuracy, TitleCoder, load_coder, measure_accuracy
from laborllm.occupations.coding.listed import ListedTitles, load_titles
from laborllm.occupations.taxonomy import Taxonomy

coder = pytest.fixture(load_coder, scope="module")


@pytest.fixture(scope="module")
def small() -> TitleCoder:
    """A coder of three occupations, with one title that the index gives to two of them."""
    taxonomy = Taxonomy.from_occupations("small", [("1", "Cooks", "A"), ("2", "Nurses", "A"), ("3", "Bakers", "A")])
    rows = [("fry cook", "1", 1), ("pastry chef", "1", 1), ("pastry chef", "3", 3), ("ward nurse", "2", 1)]
    index = pl.DataFrame(rows, schema=["title", "code", "lines"], orient="row")
    return TitleCoder.learn(taxonomy, ListedTitles(index, {"Barista": "1"}))


@pytest.mark.parametrize(
    ("title", "code", "match"),
    [
        ("Cooks", "1", "same words"),
        ("COOK, FRY", "1", "same words"),
        ("barista", "1", "same words"),
        ("Senior fry cook II", "1", "fewer words"),
        ("Ward nurse - nights", "2", "fewer words"),
        ("Lead nurse (nights)", "2", "fewer words"),
        ("Night nurse", "2", "similar words"),
        ("Student", None, "no job"),
        ("", None, "no job"),
    ],
)
def test_how_a_code_is_found(title: str, code: str | None, match: str, small: TitleCoder) -> None:
    assert small.code([title], threshold=0).select("title", "code", "match").row(0) == (title, code, match)


def test_a_title_of_several_codes_is_as_sure_as_the_index(small: TitleCoder) -> None:
    found = dict(small.candidates("Pastry chef"))
    assert set(found) == {"1", "3"}
    assert sum(found.values()) == pytest.approx(1)
    assert small.code(["Pastry chef"])["code"].to_list() == ["3"]


def test_below_the_threshold_a_title_stays_uncoded(small: TitleCoder) -> None:
    (confidence,) = small.code(["Night nurse"], threshold=0)["confidence"]
    coded = [small.code(["Night nurse"], threshold=at)["code"].item() for at in (confidence, confidence + 1e-6)]
    assert coded == ["2", None]


def test_rows_are_distinct_titles_in_order(small: TitleCoder) -> None:
    coded = small.code(["Nurses", None, "cook", "Nurses", "Cook"])
    assert coded["title"].to_list() == ["Nurses", "cook", "Cook"]
    assert coded.schema == {"title": pl.String, "code": pl.String, "confidence": pl.Float64, "match": pl.String}
    assert small.code([]).schema == coded.schema


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_is_a_share(threshold: float, small: TitleCoder) -> None:
    with pytest.raises(TaxonomyError, match="it must be from 0 to 1"):
        small.code(["Cooks"], threshold=threshold)


@given(title=st.text())
def test_any_text_is_coded_or_not(title: str, coder: TitleCoder) -> None:
    _, code, confidence, match = coder.code([title]).row(0)
    assert code is None or code in coder.taxonomy.position
    assert 0 <= confidence <= 1
    best = coder.candidates(title, 1)
    assert confidence == pytest.approx(best[0][1] if best else 0)
    assert (match == "no job") == (not best)


def test_titles_of_the_taxonomy_have_their_own_code(coder: TitleCoder) -> None:
    taxonomy = coder.taxonomy
    assert coder.code(taxonomy.titles)["code"].to_list() == list(taxonomy.codes)


@pytest.mark.parametrize(
    ("title", "occupation"),
    [
        ("Sr. Software Engineer", "Computer systems analysts and scientists"),
        ("RN", "Registered nurses"),
        ("Registered Nurse - ICU", "Registered nurses"),
        ("Barista", "Other food service workers"),
        ("Truck driver", "Truck and delivery drivers"),
        ("Waitress", "Waiters and waitresses"),
        ("Elementary school teacher", "Primary school teachers"),
        ("Plumber's apprentice", "Plumbers and pipefitters"),
    ],
)
def test_titles_of_resumes(title: str, occupation: str, coder: TitleCoder) -> None:
    (code,) = coder.code([title])["code"]
    assert coder.taxonomy.title(code) == occupation


def test_shipped_titles_lead_into_the_taxonomy() -> None:
    listed, taxonomy = load_titles(), load_taxonomy("occ1990dd")
    assert set(listed.index["code"]) | set(listed.later.values()) <= set(taxonomy.codes)
    assert not listed.index.select("title", "code").is_duplicated().any()


@pytest.fixture(scope="module")
def accuracy() -> Accuracy:
    return measure_accuracy(seed=1)  # the constants were set on seed 0


def test_accuracy_does_not_fall(accuracy: Accuracy) -> None:
    assert accuracy.top_1 > 0.48
    assert accuracy.top_5 > 0.75


def test_the_confidence_is_the_probability_of_being_right(accuracy: Accuracy) -> None:
    table = accuracy.by_threshold.filter(pl.col("coverage") > 0.1)
    assert (table["confidence"] - table["accuracy"]).abs().max() < 0.05  # type: ignore[operator]
    assert accuracy.calibration == pytest.approx((0, 1), abs=0.15)
