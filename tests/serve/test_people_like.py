"""How many people that a model learnt from were like somebody: of the occupation, else of its group, else not said."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from laborllm.models.runs.people import People
from laborllm.serve import Served, create_app
from laborllm.serve.served import PeopleLike
from serve.conftest import BASE, OPEN

COOKS, COOKING = "436", "Food preparation and service"


def with_people(served: Served, people: People) -> Served:
    """The same model, fitted on other people."""
    record = replace(served.fitted.record, people=people)
    return replace(served, fitted=replace(served.fitted, record=record))  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("people", "expected", "words"),
    [
        ({}, None, ""),
        (
            {"occupation": {COOKS: 1235}, "group": {COOKING: 4000}},
            PeopleLike(1235, "Cooks"),
            "About 1,235 of them were once in this occupation: Cooks.",
        ),
        (
            {"occupation": {}, "group": {COOKING: 4000}},
            PeopleLike(4000, COOKING, is_group=True),
            f"About 4,000 of them were once in this group of occupations: {COOKING}.",
        ),
        ({"occupation": {}, "group": {}}, PeopleLike(None, "Cooks"), "Too few to say how many"),
    ],
)
def test_the_narrowest_count_is_said(served: Served, people: People, expected: PeopleLike | None, words: str) -> None:
    counted = with_people(served, people)
    assert counted.people_like(COOKS) == expected
    client = TestClient(create_app(counted, OPEN), base_url=BASE)
    for page in (client.get(f"/occupations/{COOKS}").text, client.post("/", data={"action": "example-0"}).text):
        assert ("People like this" in page) == bool(words)
        assert words in page


def test_people_without_a_job_are_said_in_words(served: Served) -> None:
    state = served.taxonomy.states[0]
    client = TestClient(create_app(with_people(served, {"occupation": {state: 310}, "group": {}}), OPEN), base_url=BASE)
    title = served.taxonomy.title(state).lower()
    assert f"About 310 of them were once {title}." in client.get(f"/occupations/{state}").text
