"""Crosswalks: codes in every spelling, files that contradict themselves, and the shipped tables."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import TaxonomyError
from laborllm.occupations import load_crosswalk, load_taxonomy
from laborllm.occupations.crosswalk import shipped_crosswalks

SHIPPED = {
    "census1970": 442,
    "census1980": 504,
    "census1990": 502,
    "census2000": 464,
    "census2002": 509,
    "census2010": 576,
    "census2018": 567,
    "occ1990dd": 331,
}


@given(code=st.integers(0, 9999), width=st.integers(1, 6))
def test_leading_zeros_and_spaces_do_not_matter(code: int, width: int) -> None:
    crosswalk = load_crosswalk("census2010")
    assert crosswalk(f" {code:0{width}d} ") == crosswalk(str(code))


def test_own_csv(tmp_path: Path) -> None:
    path = tmp_path / "ours.csv"
    path.write_text("code,occ1990dd\n0010,4\n10,4\nA1,276\n", "utf-8-sig")
    crosswalk = load_crosswalk(path)
    assert (crosswalk.name, crosswalk.target) == ("ours", "occ1990dd")
    assert [crosswalk(code) for code in ("10", "A1", "11")] == ["4", "276", None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first line"),
        ("old,new\n1,2\n", "first line must be 'code,TARGET', not 'old,new'"),
        ("code,new,newer\n", "first line"),
        ("code,new\n1,2\n3\n", "line 3: expected two columns, found 1"),
        ("code,new\n010,2\n10,3\n", "line 3: code 10 has two targets"),
    ],
)
def test_malformed_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "ours.csv").write_text(text)
    with pytest.raises(TaxonomyError, match=message):
        load_crosswalk(tmp_path / "ours.csv")


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(TaxonomyError, match=r"unknown crosswalk 'census1960': use .*census1970"):
        load_crosswalk("census1960")
    with pytest.raises(TaxonomyError, match="no crosswalk file"):
        load_crosswalk("nowhere.csv")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_targets_are_in_the_taxonomy(name: str) -> None:
    crosswalk = load_crosswalk(name)
    taxonomy = load_taxonomy(crosswalk.target)
    assert len(crosswalk.pairs) == SHIPPED[name]
    assert set(crosswalk.pairs.values()) <= set(taxonomy.codes)


def test_what_is_said_of_the_shipped_tables() -> None:
    about = shipped_crosswalks()
    assert list(about) == list(SHIPPED)
    for name, said in about.items():
        assert said["rows"] == SHIPPED[name]
        assert said["file"] == f"{name}_{said['target']}.csv"
        assert name.endswith(said["vintage"]) or name == "occ1990dd"
        assert all(said.values())


@pytest.mark.parametrize(
    ("name", "code", "title"),
    [
        ("census1970", "310", "Cashiers"),
        ("census1970", "280", "Retail salespersons and counter clerks"),
        ("census1980", "276", "Cashiers"),
        ("census2000", "472", "Cashiers"),
        ("census2002", "4720", "Cashiers"),
        ("census2010", "4720", "Cashiers"),
        ("census2018", "4720", "Cashiers"),
        ("census2018", "0705", "Other managers and administrators"),  # project managers, coded as managers before
        ("census2018", "9825", "Military personnel"),
        ("occ1990dd", "276", "Sales and related"),
        ("census1980", "95", "Registered nurses"),
        ("census1970", "075", "Registered nurses"),
    ],
)
def test_known_codes(name: str, code: str, title: str) -> None:
    """Code books of the Census Bureau."""
    crosswalk = load_crosswalk(name)
    target = crosswalk(code)
    assert target is not None
    assert load_taxonomy(crosswalk.target).title(target) == title
