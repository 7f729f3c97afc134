"""The forecast of one year over HTTP against the library's own."""

import numpy as np
import polars as pl
import pytest
from starlette.testclient import TestClient

import laborllm as ll
from laborllm.models.contract import Fitted
from laborllm.panel import Panel, Provenance
from serve.conftest import career


def library_forecast(fitted: Fitted, codes: list[str], year: int, **covariates: object) -> dict[str | None, float]:
    """Code to probability, by the library, for one record a year from 2020."""
    rows = [
        {"worker": "1", "year": 2020 + at, "occupation": code, "split": "test", **covariates}
        for at, code in enumerate(codes)
    ]
    panel = Panel(pl.DataFrame(rows), fitted.record.taxonomy, "SYNTHETIC", Provenance("test"))
    found = ll.forecast(fitted, panel, year=year)
    return dict(zip(found.taxonomy.codes, np.exp(found.log_prob[0]), strict=True))


def test_people_of_a_hundred_are_the_forecast_rounded(client: TestClient, fitted: Fitted) -> None:
    asked = career("Cashiers", "436", gender="Woman")
    answer = client.post("/v1/forecast", json={"careers": [asked], "top": 8}).raise_for_status().json()
    (found,) = answer["forecasts"]
    exact = library_forecast(fitted, ["276", "436"], 2022, gender="female")
    assert found["year"] == 2022
    assert found["origin"] == {"year": 2021, "code": "436", "title": "Cooks"}
    stay, *moves, other = found["outcomes"]
    assert (stay["kind"], stay["code"], other["kind"]) == ("stay", "436", "other")
    for each in (stay, *moves):
        assert each["of_100"] == pytest.approx(100 * exact[each["code"]], abs=1)
    ranked = sorted((code for code in exact if code != "436"), key=lambda code: -exact[code])
    assert [each["code"] for each in moves] == ranked[: len(moves)]
    assert len(moves) == 8 or exact[ranked[len(moves)]] < 0.01
    assert sum(each["of_100"] for each in found["outcomes"]) == 100


def test_nothing_rarer_than_one_of_a_hundred_is_named(client: TestClient) -> None:
    answer = client.post("/v1/forecast", json={"careers": [career("Cooks")], "top": 20}).json()
    assert min(each["of_100"] for each in answer["forecasts"][0]["outcomes"][:-1]) >= 1


def test_careers_asked_together_are_answered_as_alone(client: TestClient) -> None:
    careers = [career("Cooks", "Cooks"), career("Cashiers"), career("Cooks", "Cooks")]
    together = client.post("/v1/forecast", json={"careers": careers}).json()["forecasts"]
    alone = [client.post("/v1/forecast", json={"careers": [each]}).json()["forecasts"][0] for each in careers]
    assert together == alone


def test_a_year_is_asked_for(client: TestClient) -> None:
    answer = client.post("/v1/forecast", json={"careers": [career("Cooks")], "year": 2025}).json()
    assert answer["forecasts"][0]["year"] == 2025


def test_a_title_in_everyday_words_is_coded_and_said(client: TestClient) -> None:
    answer = client.post("/v1/forecast", json={"careers": [career("sr. line cook")]}).json()
    (found,) = answer["forecasts"]
    assert found["origin"]["title"] == "Cooks"
    assert found["notes"][0].startswith("sr. line cook was read as Cooks")


def test_a_covariate_that_the_model_does_not_know_is_said(client: TestClient) -> None:
    asked = career("Cooks", ethnicity="martian", gender="F")
    (found,) = client.post("/v1/forecast", json={"careers": [asked]}).json()["forecasts"]
    assert len(found["notes"]) == 1
    assert "'martian'" in found["notes"][0]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"careers": []}, "careers: List should have at least 1 item"),
        ({"careers": [career("Cooks") | {"records": []}]}, "careers, 1, records: List should have at least 1 item"),
        ({"careers": [career("Cooks", first=2400)]}, "careers, 1, records, 1, year: Input should be less than"),
        ({"careers": [career("Cooks")], "year": 2020}, "2020 is not after the last record, 2020"),
        ({"careers": [career("Cooks", birth_year=2021)]}, "careers, 1: the birth year 2021 is after the first record"),
        ({"careers": [{"records": [{"year": 2020, "title": "Cooks"}] * 2}]}, "careers, 1: two records are of 2020"),
        ({"careers": [career("xqzv")]}, "the title 'xqzv' leads to no one occupation"),
        ({"careers": [career("Cooks", wages=3)]}, "careers, 1, wages: Extra inputs are not permitted"),
        ({"careers": [career("Cooks")] * 101}, "101 careers are too many for one request: at most 100"),
        ({"careers": [career(*["Cooks"] * 61, first=1960)]}, "careers, 1, records: List should have at most 60"),
        ({"careers": [{"records": [{"year": "2020", "title": "Cooks"}]}]}, "careers, 1, records, 1, year: Input"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(client: TestClient, body: dict[str, object], detail: str) -> None:
    answer = client.post("/v1/forecast", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 422
    assert answer.json()["detail"].startswith(detail)
