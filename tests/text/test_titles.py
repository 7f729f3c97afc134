"""Perturbed titles: no two alike, always the same, and with the meaning, or without it, that they should have."""

from itertools import pairwise

import pytest

from laborllm.errors import TaxonomyError
from laborllm.occupations import STATES, Taxonomy, load_taxonomy
from laborllm.text.titles import WRITERS, Titles, abbreviated, reworded, title_texts


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("name", ["occ1990dd", "soc2018", "nlswork"])
def test_shipped_titles_stay_apart(name: str, kind: Titles) -> None:
    taxonomy = load_taxonomy(name).with_states(list(STATES))
    texts = title_texts(taxonomy, kind, 0)
    assert len({text.lower() for text in texts}) == len(taxonomy)
    assert all(text == text.strip() and text.isprintable() for text in texts)


@pytest.mark.parametrize("kind", ["numeric", "shuffled"])
def test_codes_and_shuffled_titles_keep_no_meaning(kind: Titles) -> None:
    """All words or numbers are there, no code has its own title, and neighbours are apart; a seed decides."""
    taxonomy = load_taxonomy("occ1990dd").with_states(["unemployed"])
    texts = title_texts(taxonomy, kind, 0)
    all_texts = [f"job_{number}" for number in range(len(taxonomy))] if kind == "numeric" else list(taxonomy.titles)
    assert sorted(texts) == sorted(all_texts)
    places = [all_texts.index(text) for text in texts]
    assert kind == "numeric" or all(place != column for column, place in enumerate(places))
    assert sum(abs(a - b) == 1 for a, b in pairwise(places)) < 10
    assert texts == title_texts(taxonomy, kind, 0) != title_texts(taxonomy, kind, 1)


def test_shuffling_keeps_no_title_however_few_there_are() -> None:
    for classes in range(2, 9):
        taxonomy = Taxonomy.from_occupations("few", [(str(code), f"Title {code}", "All") for code in range(classes)])
        for seed in range(20):
            pairs = zip(title_texts(taxonomy, "shuffled", seed), taxonomy.titles, strict=True)
            assert all(text != title for text, title in pairs)


@pytest.mark.parametrize(
    ("title", "short", "other"),
    [
        ("Cashiers", "Cashiers", "Cashiers"),
        ("Cooks", "Cooks", "Chefs"),
        ("Financial managers", "Fin mgrs", "Directors, financial"),
        ("Other engineers", "Oth engrs", "Engineers of other kinds"),
        ("Lawyers and judges", "Lawyers & judges", "Judges and attorneys"),
        ("Actors, directors, and producers", "Actors, dirs, & producers", "Producers, directors, and actors"),
        ("Secretaries and administrative assistants", "Secs & admin assts", "Secretaries and administrative aides"),
        ("Supervisors of guards", "Supvs of guards", "Overseers of guards"),
        ("IT managers", "IT mgrs", "Directors, IT"),
    ],
)
def test_rules_by_hand(title: str, short: str, other: str) -> None:
    assert (abbreviated(title), reworded(title)) == (short, other)


def test_seniority_is_of_jobs_and_not_of_states() -> None:
    taxonomy = load_taxonomy("occ1990dd").with_states(list(STATES))
    changed = dict(zip(taxonomy.titles, title_texts(taxonomy, "senior", 0), strict=True))
    assert changed["Cooks"] == "Sr. cooks"
    assert {title for title, text in changed.items() if text == title} == set(map(taxonomy.title, taxonomy.states))


def test_titles_that_a_rule_would_make_alike_are_refused() -> None:
    taxonomy = Taxonomy.from_occupations("own", [("1", "Office clerk", "All"), ("2", "Ofc clerk", "All")])
    with pytest.raises(TaxonomyError, match="taxonomy own: 'Office clerk' and 'Ofc clerk' are both 'Ofc clk' as abbr"):
        title_texts(taxonomy, "abbreviated", 0)
