"""Groups of a taxonomy: one per occupation, states apart, and a clear answer where there are none."""

import pytest

from laborllm.errors import TaxonomyError
from laborllm.occupations import load_groups, load_taxonomy


def test_every_occupation_has_a_group() -> None:
    taxonomy = load_taxonomy("occ1990dd").with_states(["unemployed", "in_education"])
    groups = load_groups("soc2018", taxonomy)
    assert len(groups) == len(taxonomy)
    assert set(groups) == {*load_taxonomy("soc2018").titles, "Not employed"}
    assert [code for code, group in zip(taxonomy.codes, groups, strict=True) if group == "Not employed"] == [
        "unemployed",
        "in_education",
    ]


@pytest.mark.parametrize(
    ("title", "group"),
    [
        ("Registered nurses", "Healthcare practitioners and technical"),
        ("Health and nursing aides", "Healthcare support"),
        ("Electricians", "Construction and extraction"),
        ("Secretaries and administrative assistants", "Office and administrative support"),
        ("Cashiers", "Sales and related"),
        ("Cooks", "Food preparation and serving"),
        ("Military personnel", "Military specific"),
    ],
)
def test_known_groups(title: str, group: str) -> None:
    """Manual of the 2018 Standard Occupational Classification."""
    taxonomy = load_taxonomy("occ1990dd")
    assert load_groups("soc2018", taxonomy)[taxonomy.titles.index(title)] == group


def test_no_such_groups() -> None:
    with pytest.raises(TaxonomyError, match="unknown groups 'isco' of taxonomy occ1990dd: use soc2018"):
        load_groups("isco", load_taxonomy("occ1990dd"))
    with pytest.raises(TaxonomyError, match="unknown groups 'soc2018' of taxonomy nlswork: none are shipped for it"):
        load_groups("soc2018", load_taxonomy("nlswork"))
