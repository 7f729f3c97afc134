"""Taxonomies: what is refused, and what the shipped ones hold."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import TaxonomyError
from laborllm.occupations import STATES, Taxonomy, load_taxonomy

SMALL = Taxonomy.from_occupations("small", [("4", "Chief executives", "Managers"), ("276", "Cashiers", "Sales")])


def test_position_title_and_states() -> None:
    taxonomy = SMALL.with_states(["in_education", "unemployed"])
    assert taxonomy.codes == ("4", "276", "in_education", "unemployed")
    assert [taxonomy.position[code] for code in taxonomy.codes] == [0, 1, 2, 3]
    assert taxonomy.title("unemployed") == "Unemployed"
    assert taxonomy.states == ("in_education", "unemployed")
    assert SMALL.states == ()


@pytest.mark.parametrize(
    ("occupations", "message"),
    [
        ([], "has no occupations"),
        ([("1", "Cooks", "A"), ("1", "Bakers", "A")], "share the code '1'"),
        ([("1", "Cooks", "A"), ("2", "Cooks", "A")], "share the title 'Cooks'"),
        ([("1", "Cooks, all", "A"), ("2", "cooks  ALL", "A")], r"share the title .*the other is 'Cooks, all'"),
        ([("1", " Cooks", "A")], "not a plain line"),
        ([("1", "Cooks\nBakers", "A")], "not a plain line"),
        ([("1", "--", "A")], "not a plain line"),
        ([("1", "x" * 10**6, "A")], "a text of 1,000,000 letters, 'xxxxxxxxxxxxxxxxxxxx' and so on: .* at most 500"),
        ([("x" * 501, "Cooks", "A")], "a text of 501 letters, .* at most 500"),
        ([("1", "Cooks", "x" * 501)], "a text of 501 letters, .* at most 500"),
    ],
)
def test_clash_or_malformed_title_is_refused(occupations: list[tuple[str, str, str]], message: str) -> None:
    with pytest.raises(TaxonomyError, match=message):
        Taxonomy.from_occupations("mine", occupations)


def test_unknown_or_doubled_state_is_refused() -> None:
    with pytest.raises(TaxonomyError, match="unknown state 'retired': use unemployed, "):
        SMALL.with_states(["retired"])
    with pytest.raises(TaxonomyError, match="share the code 'unemployed'"):
        SMALL.with_states(["unemployed", "unemployed"])


@given(st.lists(st.from_regex(r"[A-Za-z]{1,9}", fullmatch=True), min_size=1, unique_by=str.casefold))
def test_json_round_trip(titles: list[str]) -> None:
    occupations = [(str(code), title, "All") for code, title in enumerate(titles)]
    taxonomy = Taxonomy.from_occupations("drawn", occupations).with_states(["in_education"])
    assert Taxonomy.from_json(taxonomy.to_json()) == taxonomy


def test_own_csv(tmp_path: Path) -> None:
    path = tmp_path / "trades.csv"
    path.write_text('code,title\n1,"Cooks, all"\n2,Bakers\n', "utf-8-sig")
    taxonomy = load_taxonomy(path)
    assert (taxonomy.name, taxonomy.titles, taxonomy.groups) == ("trades", ("Cooks, all", "Bakers"), ("All", "All"))


@pytest.mark.parametrize("text", ["", "number,title\n1,Cooks\n", "code,title\n1\n", "code,title\n1,Cooks,A,B\n"])
def test_malformed_csv_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(TaxonomyError, match="bad"):
        load_taxonomy(tmp_path / "bad.csv")


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(TaxonomyError, match=r"unknown taxonomy 'isco': use .*occ1990dd"):
        load_taxonomy("isco")
    with pytest.raises(TaxonomyError, match="no taxonomy file"):
        load_taxonomy("nowhere.csv")


@pytest.mark.parametrize(("name", "fewest", "most"), [("occ1990dd", 325, 335), ("nlswork", 12, 13)])
def test_shipped_taxonomy(name: str, fewest: int, most: int) -> None:
    taxonomy = load_taxonomy(name).with_states(list(STATES))
    assert fewest <= len(taxonomy) - len(STATES) <= most
    assert all(title.isascii() and title[0].isupper() and len(title) < 80 for title in taxonomy.titles)
    assert all(taxonomy.groups)
