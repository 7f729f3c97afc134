"""What several outputs of one panel say together gives no withheld cell away, by subtraction or by bounds."""

import json

import pytest

from laborllm.panel import Panel
from laborllm.panel.summary import summarise
from laborllm.report.describe import as_json
from privacy import published
from privacy.attack import Publication
from privacy.planted import Said


@pytest.fixture(scope="module")
def evaluations(people: Panel, said: dict[str, Said]) -> dict[str, Publication]:
    """What each evaluation shows: by all groups, by single ones, and by a crossing of two."""
    names = {"all": "out-0", "single": "out-1", "club": "out-2", "education": "out-3"}
    texts = said["evaluate"].texts
    splits = {"all": "test", "single": "train", "club": "train", "education": "train"}
    return {name: published.evaluated(people, json.loads(texts[file]), splits[name]) for name, file in names.items()}


@pytest.mark.parametrize(("name", "least"), [("all", 10), ("single", 8), ("club", 1), ("education", 5)])
def test_an_evaluation_by_itself(name: str, least: int, evaluations: dict[str, Publication]) -> None:
    assert len(evaluations[name].shown) >= least
    assert evaluations[name].recovered() == set()


def test_an_evaluation_by_crossings_next_to_one_by_their_margins(evaluations: dict[str, Publication]) -> None:
    both = published.together({name: evaluations[name] for name in ("single", "club", "education")})
    assert both.recovered() == set()


@pytest.fixture(scope="module")
def description(people: Panel, said: dict[str, Said], tmp_path_factory: pytest.TempPathFactory) -> Publication:
    folder = tmp_path_factory.mktemp("described")
    texts = said["describe"].texts
    (folder / "describe.json").write_text(texts["out-0"])
    (folder / "describe.html").write_text(texts["describe.html"])
    return published.describe(people.observed(), folder)


def test_a_description_an_evaluation_and_groups(
    description: Publication, evaluations: dict[str, Publication], people: Panel, said: dict[str, Said]
) -> None:
    """Tables of one panel by several verbs: of all its records, of those of a split, and of people by group."""
    assert len(description.shown) > 50
    groups = {
        column: published.grouped(people, column, said["group"].texts[f"{column}.csv"])
        for column in ("education", "home")
    }
    found = published.together({"describe": description, "evaluate": evaluations["single"], **groups})
    assert found.recovered() == set()


def test_open_records_of_few_are_as_good_as_not_there(people: Panel) -> None:
    """A panel with them and one without are described in the same words."""
    assert people.open_records == 3
    with_them, without = (json.loads(as_json(summarise(each))) for each in (people, people.observed()))
    assert with_them == without
    many = people.observed().open([2030])
    assert json.loads(as_json(summarise(many)))["open_records"] == many.workers
