"""Years ahead and what-if over HTTP against the library's own."""

import json

import numpy as np
import polars as pl
import pytest
from starlette.testclient import TestClient

import laborllm as ll
from laborllm.models.contract import Fitted
from laborllm.panel import Panel, Provenance
from laborllm.serve.inputs.careers import Worker
from serve.conftest import career

ASKED = {"careers": [career("Cashiers", "Cooks")], "horizon": 3, "draws": 200, "top": 4}


def as_panel(fitted: Fitted, *codes: str) -> Panel:
    """The career as a panel, its worker named as the server names her, so that she is drawn the same numbers."""
    rows = tuple((2020 + at, code, None, None, None, None, None) for at, code in enumerate(codes))
    records = pl.DataFrame({"year": [2020 + at for at in range(len(codes))], "occupation": codes})
    records = records.with_columns(worker=pl.lit(Worker(rows).name), split=pl.lit("test"))
    return Panel(records, fitted.record.taxonomy, "SYNTHETIC", Provenance("test"))


def test_years_ahead_are_the_simulation_rounded(client: TestClient, fitted: Fitted) -> None:
    (found,) = client.post("/v1/simulate", json=ASKED).raise_for_status().json()["simulations"]
    exact = ll.simulate(fitted, as_panel(fitted, "276", "436"), years=range(2022, 2025), draws=200, seed=0)
    assert [year["year"] for year in found["years"]] == [2022, 2023, 2024]
    for place, year in enumerate(found["years"]):
        for each in year["outcomes"][:-1]:
            column = exact.taxonomy.position[each["code"]]
            assert each["of_100"] == pytest.approx(100 * exact.probability[0, place, column], abs=1)
            assert each["error"] == pytest.approx(100 * exact.error[0, place, column], abs=0.051)
        groups = {each["group"]: each["of_100"] for each in year["groups"]}
        assert sum(groups.values()) == 100
        for group, number in groups.items():
            member = np.array([name == group for name in exact.taxonomy.groups])
            assert number == pytest.approx(100 * exact.probability[0, place, member].sum(), abs=1)


def test_the_first_year_of_a_simulation_is_the_forecast(client: TestClient) -> None:
    (found,) = client.post("/v1/simulate", json=ASKED).json()["simulations"]
    (forecast,) = client.post("/v1/forecast", json={"careers": ASKED["careers"], "top": 4}).json()["forecasts"]
    assert found["years"][0]["outcomes"] == forecast["outcomes"]


def test_progress_comes_as_events_before_the_result(client: TestClient) -> None:
    with client.stream("POST", "/v1/simulate", json=ASKED, headers={"Accept": "text/event-stream"}) as answer:
        text = "".join(answer.iter_text())
    events = [dict(line.split(": ", 1) for line in part.splitlines()) for part in text.strip().split("\n\n")]
    assert [event["event"] for event in events] == [*["progress"] * 3, "result"]
    assert [json.loads(event["data"])["done"] for event in events[:-1]] == [0.333, 0.667, 1.0]
    assert json.loads(events[-1]["data"]) == client.post("/v1/simulate", json=ASKED).json()


def test_what_if_is_the_paired_difference_of_the_library(client: TestClient, fitted: Fitted) -> None:
    asked = {"career": career("Cashiers", "Cooks"), "other": career("Cashiers", "95"), "horizon": 2, "draws": 200}
    years = client.post("/v1/what-if", json=asked).raise_for_status().json()["years"]
    one = as_panel(fitted, "276", "436")
    other = as_panel(fitted, "276", "95")
    other = other.with_records(other.records.with_columns(worker=pl.lit(one.records["worker"][0])))
    exact = ll.what_if(fitted, one.open([2022, 2023]), other.open([2022, 2023]), draws=200, seed=0)
    for place, year in enumerate(years):
        versions = (exact.before[0, place], exact.before[0, place] + exact.probability[0, place])
        first, second = (np.where(share < 0.01, 0, np.rint(100 * share)) for share in versions)
        apart = dict(zip(exact.taxonomy.codes, second - first, strict=True))
        shown = [(each["code"], each["of_100"]) for each in year["changes"]]
        assert shown == sorted(filter(lambda each: each[1], apart.items()), key=lambda each: -abs(each[1]))[:5]
        assert shown


def test_a_career_against_itself_differs_in_nothing(client: TestClient) -> None:
    asked = {"career": career("Cooks"), "other": career("Cooks"), "horizon": 2, "draws": 100}
    assert [year["changes"] for year in client.post("/v1/what-if", json=asked).json()["years"]] == [[], []]


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        ("simulate", ASKED | {"horizon": 21}, "21 years ahead are too many for one request: at most 20"),
        ("simulate", ASKED | {"draws": 2100}, "2,100 draws are too many for one request: at most 2,000"),
        ("simulate", ASKED | {"draws": 0}, "draws: Input should be greater than or equal to 100"),
        ("simulate", ASKED | {"draws": 250}, "draws: Input should be a multiple of 100"),
        ("simulate", ASKED | {"seed": 10}, "seed: Input should be less than 10"),
        ("simulate", ASKED | {"horizon": 0}, "horizon: Input should be greater than or equal to 1"),
        (
            "simulate",
            {"careers": [career("Cooks")] * 100, "horizon": 20, "draws": 2000},
            "4,000,000 careers times years times draws are too many",
        ),
        (
            "what-if",
            {"career": career("Cooks"), "other": career("Cooks", "Cooks")},
            "one version ends in 2020, the other in 2021: both must end in one year",
        ),
    ],
)
def test_too_much_at_a_time_is_refused(client: TestClient, path: str, body: dict[str, object], detail: str) -> None:
    answer = client.post(f"/v1/{path}", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(detail)
