"""Whatever the schema of the API allows, and more, is answered as the schema declares, and never with a 5xx."""

import json
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from laborllm.serve import Served, create_app
from serve.conftest import OPEN, career

HOST = {"Host": "127.0.0.1"}
SMALL = replace(OPEN, paths=200, horizon=3, person_years=2_000)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "not allowed"])
def test_every_answer_is_as_declared(served: Served, mode: GenerationMode) -> None:
    """A request that the schema allows may still be refused, as where a title leads to no occupation."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(served, SMALL), headers=HOST)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == 10
    for operation in operations:

        @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy(generation_mode=mode))
        def holds(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(headers=HOST, excluded_checks=[positive_data_acceptance])

        try:
            holds()
        except Unsatisfiable:  # a call without parameters cannot be asked wrongly
            assert mode == GenerationMode.NEGATIVE


def test_every_call_says_what_it_does_with_an_example(client: TestClient) -> None:
    description = client.get("/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    for path, calls in description["paths"].items():
        for call in calls.values():
            assert call["summary"], path
            assert call["description"], path
            if "requestBody" in call:
                (content,) = call["requestBody"]["content"].values()
                body = next(iter(content["examples"].values()))["value"]
                assert client.post(path, json=body).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b"NaN",
        b'{"careers": NaN}',
        b'{"careers": [{"records": [{"year": Infinity, "title": "Cooks"}]}]}',
        b'{"careers": [{"records": [{"year": 1e400, "title": "Cooks"}]}]}',
        b'{"careers": [{"records": [{"year": 20200000000000000000000, "title": "Cooks"}]}]}',
        b'{"careers": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"careers": [{"records": [{"year": 2020, "title": "\\ud800"}]}]}',
        b'{"careers": [{"records": [{"year": 2020, "title": "\\u0000"}]}]}',
        json.dumps({"careers": [{"records": [career("Cooks")["records"]] * 10_000}]}).encode(),
        json.dumps({"careers": [{"records": [{"year": 2020, "title": "Cooks"}] * 10_000}]}).encode(),
        json.dumps({"careers": [career("Cooks", first=12_020)]}).encode(),
        json.dumps({"careers": [{"records": [{"year": 2020, "title": "Cooks"}] * 2}]}).encode(),
        json.dumps({"careers": [career("<script>alert(1)</script>")]}).encode(),
        json.dumps({"careers": [career("\u202e\u200b")]}).encode(),
        json.dumps({"careers": [career("Cooks", gender="\ud800")]}).encode(),
        json.dumps({"careers": [career("' OR 1=1 --")]}).encode(),
    ],
    ids=range(18),
)
def test_hostile_input_is_refused_in_a_sentence(client: TestClient, body: bytes) -> None:
    answer = client.post("/v1/forecast", content=body, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.json()["detail"]
    assert len(answer.content) < 2_000
