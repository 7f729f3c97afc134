"""Titles as people write them: what is in the taxonomy is known, what is not is coded, and letters lead to titles."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.occupations import Taxonomy, load_taxonomy
from laborllm.occupations.coding.titles import LISTED, STATE, UNSURE, Titles

STATES = ["unemployed", "not_in_labor_force", "in_education"]
OFFICIAL = load_taxonomy("occ1990dd").with_states(STATES)
JOBS = [("1", "Cooks, n.e.c.", "Food"), ("2", "Bus drivers", "Road"), ("3", "Cook supervisors", "Food")]
OWN = Taxonomy.from_occupations("own", JOBS)
LETTERS = st.text("abcdefghijklmnopqrstuvwxyz ,-", max_size=8)


@pytest.fixture(scope="module")
def official() -> Titles:
    return Titles.of(OFFICIAL)


@pytest.fixture(scope="module")
def own() -> Titles:
    return Titles.of(OWN)


def test_every_title_and_code_of_the_taxonomy_is_itself(official: Titles) -> None:
    for code, title in zip(OFFICIAL.codes, OFFICIAL.titles, strict=True):
        for said in (code, title, title.upper(), f"  {title.replace(',', ' ')} "):
            found = official.read(said)
            assert (found.said, found.code, found.title) == (said, code, title)
            assert (found.confidence, found.match) == (1.0, LISTED)


COARSE = load_taxonomy("occ1990dd").with_states(["not_working", "in_education"])


@pytest.mark.parametrize(
    ("said", "state", "coarse"),
    [
        ("laid off", "unemployed", "not_working"),
        ("Laid off since 2024", "unemployed", "not_working"),
        ("lost the job in 2025", "unemployed", "not_working"),
        ("lost my job", "unemployed", "not_working"),
        ("looking for work", "unemployed", "not_working"),
        ("retired", "not_in_labor_force", "not_working"),
        ("full-time student", "in_education", "in_education"),
    ],
)
def test_what_people_write_of_a_time_without_a_job_is_a_state(said: str, state: str, coarse: str) -> None:
    """Or the coarser state that a taxonomy has, or none in one that has none."""
    for taxonomy, code in ((OFFICIAL, state), (COARSE, coarse), (load_taxonomy("occ1990dd"), None)):
        found = Titles(taxonomy, None).read(said)
        assert found.code == code
        assert (found.match == STATE) == (code is not None)


def test_another_title_is_coded_as_sure_as_the_coder_is(official: Titles) -> None:
    found = official.read("Sr. line cook")
    assert official.coder is not None
    ((_, code, confidence, match),) = official.coder.code(["Sr. line cook"]).rows()
    assert (found.code, found.confidence, found.match) == (code, confidence, match)
    assert (code, found.title) == ("436", OFFICIAL.title("436"))


def test_a_taxonomy_of_ones_own_is_read_without_a_coder(own: Titles) -> None:
    assert own.coder is None
    assert own.read("COOKS N E C").code == "1"
    unknown = own.read("night shift line cook")
    assert (unknown.code, unknown.title, unknown.confidence, unknown.match) == (None, "", 0.0, "")
    assert own.candidates("night shift line cook") == []
    assert [each.code for each in own.candidates("Bus drivers")] == ["2"]


def test_an_occupation_that_the_model_does_not_know_is_no_code() -> None:
    """The coder codes into all of occ1990dd, of which this model knows two."""
    few = Taxonomy.from_occupations("occ1990dd", [("95", "Registered nurses", "Health"), ("436", "Cooks", "Food")])
    titles = Titles.of(few)
    assert titles.coder is not None
    (known, *_), other = titles.coder.code(["line cook", "long haul truck driver"]).rows()
    assert (known, titles.read("line cook").code) == ("line cook", "436")
    assert other[1] == "804"
    assert titles.read("long haul truck driver").code is None
    assert {each.code for each in titles.candidates("long haul truck driver")} <= {"95", "436"}


def test_candidates_are_as_sure_as_the_coder_says_and_the_surest_is_first(official: Titles) -> None:
    found = official.candidates("manager", 4)
    assert len(found) <= 4
    assert [each.confidence for each in found] == sorted((each.confidence for each in found), reverse=True)
    assert len({each.code for each in found}) == len(found)
    assert official.candidates("Registered nurses", 4) == [official.read("Registered nurses")]


def test_titles_that_begin_so_come_before_those_that_hold_it(own: Titles) -> None:
    assert own.suggest("cook") == ["Cooks, n.e.c.", "Cook supervisors"]
    assert own.suggest("super") == ["Cook supervisors"]
    assert own.suggest("drivers") == ["Bus drivers"]
    assert own.suggest("rivers") == []  # within a word
    assert own.suggest("cook", 1) == ["Cooks, n.e.c."]
    assert own.suggest(" ,. ") == own.suggest("") == []


@settings(max_examples=40, deadline=None)
@given(LETTERS, st.integers(1, 10))
def test_suggestions_are_titles_once_each_that_the_letters_lead_to(official: Titles, typed: str, count: int) -> None:
    found = official.suggest(typed, count)
    assert len(found) <= count
    assert len(set(found)) == len(found)
    assert set(found) <= set(OFFICIAL.titles)
    letters = " ".join("".join(each if each.isalnum() else " " for each in typed.casefold()).split())
    sure = {each.title for each in official.candidates(typed) if each.confidence >= UNSURE} if letters else set()
    for title in found:
        words = " ".join("".join(each if each.isalnum() else " " for each in title.casefold()).split())
        assert f" {words}".find(f" {letters}") >= 0 or title in sure


def test_groups_hold_every_occupation_once(official: Titles, own: Titles) -> None:
    for titles in (official, own):
        pairs = [pair for _, members in titles.by_group() for pair in members]
        assert sorted(pairs) == sorted(zip(titles.taxonomy.codes, titles.taxonomy.titles, strict=True))
    assert [group for group, _ in own.by_group()] == ["Food", "Road"]
