"""The normal form of titles: what makes two titles one, and that any text has one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.occupations.coding.listed import load_titles
from laborllm.occupations.coding.words import (
    has_foreign_letter,
    is_abbreviated,
    names_no_job,
    without_place,
    without_rank,
    words,
)


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Civil engineers", "civil engineer"),
        ("ENGINEER, CIVIL", "civil engineer"),
        ("  civil\tengineer.  ", "civil engineer"),
        ("Sr. Mgr", "senior manager"),
        ("R.N.", "registered nurse"),
        ("Asst. Mgrs", "assistant manager"),
        ("Saleswoman", "salesman"),
        ("Salespeople", "salesman"),
        ("Woman", "woman"),
        ("Secretaries", "secretary"),
        ("Boss's nurse\u2019s aides", "boss nurse aide"),
        ("Coaches & scouts", "coach scout"),
        ("Président-directeur", "president directeur"),
        ("Trimmer, n. s.", "trimmer"),
        ("Parts runner, exc. delivery", "part runner"),
        ("Teacher of exceptional children", "teacher exceptional children"),
        ("Head of the kitchen", "kitchen manager"),
        ("!!! ---", ""),
    ],
)
def test_words(title: str, said: str) -> None:
    assert " ".join(words(title)) == said


@given(st.text())
def test_every_text_has_a_normal_form_that_stays(title: str) -> None:
    said = words(title)
    assert words(" ".join(said)) == said


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("senior civil engineer ii", "civil engineer"),
        ("principal", "principal"),
        ("senior lead", "senior lead"),
        ("assistant principal", "assistant principal"),
        ("lead nurse", "nurse"),
    ],
)
def test_rank_is_left_aside_but_never_all_of_a_title(title: str, kept: str) -> None:
    assert without_rank(tuple(title.split())) == tuple(kept.split())


@pytest.mark.parametrize(
    "title",
    [
        "Cook - nights",
        "Cook (nights)",
        "Cook | Blue Pot",
        "Cook at Blue Pot",
        "Cook/baker",
        "Cook @ home",
        "Cook to the mayor",
    ],
)
def test_what_follows_says_where(title: str) -> None:
    assert without_place(title).strip() == "Cook"


def test_a_hyphen_is_no_dash() -> None:
    assert without_place("Dry-kiln operator") == "Dry-kiln operator"


@pytest.mark.parametrize(("title", "no_job"), [("Students", True), ("", True), ("N/A", True), ("Student nurse", False)])
def test_no_job(title: str, no_job: bool) -> None:
    assert names_no_job(words(title)) == no_job


def test_shipped_titles_are_in_normal_form() -> None:
    listed = load_titles()
    titles = {title for table in (listed.index, listed.onet) for title in table["title"]}
    assert [title for title in titles if " ".join(words(title)) != title] == []


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Pediatric OT", True),
        ("WAN administrator", True),
        ("Sr. engineer", True),
        ("rn", True),
        ("PEDIATRIC OT", False),
        ("COOK", False),
        ("Chemist II", False),
        ("Vitamin C packer", False),
        ("LINECOOK helper", False),
        ("Line cook", False),
        ("", False),
    ],
)
def test_an_abbreviation_is_spelt_out_or_in_capitals_among_others(title: str, expected: bool) -> None:
    assert is_abbreviated(title) == expected


@pytest.mark.parametrize(
    ("title", "expected"), [("Bäcker", True), ("BA\u0308CKER", True), ("Maître", False), ("Cook", False)]
)
def test_some_letters_are_of_no_english_word(title: str, expected: bool) -> None:
    assert has_foreign_letter(title) == expected
