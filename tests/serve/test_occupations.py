"""Occupations, titles and models over HTTP, and what watches the server."""

from pathlib import Path

import polars as pl
import pytest
from starlette.testclient import TestClient

import laborllm as ll
from laborllm.errors import RunError
from laborllm.models.contract import Fitted
from laborllm.occupations.coding.titles import Titles
from laborllm.panel import Panel, Provenance
from laborllm.serve import Served, create_app
from laborllm.storage import MARKER, file_hash
from serve.conftest import BASE

STATES_TOLD = {"apart": ("unemployed", "not_in_labor_force"), "together": ("not_working",), "none": ()}


def test_all_occupations_are_listed(client: TestClient, fitted: Fitted) -> None:
    listed = client.get("/v1/occupations").json()["occupations"]
    assert [each["code"] for each in listed] == list(fitted.record.taxonomy.codes)


def test_those_who_stay_are_those_of_the_forecast(client: TestClient, fitted: Fitted) -> None:
    found = client.get("/v1/occupations/436").raise_for_status().json()["occupation"]
    year = client.app.state.asked.served.outlook.year  # type: ignore[attr-defined]
    rows = [{"worker": "1", "year": year - back, "occupation": "436", "split": "test"} for back in (3, 2, 1)]
    panel = Panel(pl.DataFrame(rows), fitted.record.taxonomy, "SYNTHETIC", Provenance("test"))
    forecast = ll.forecast(fitted, panel, year=year)
    probability = dict(zip(forecast.taxonomy.codes, 2.718281828 ** forecast.log_prob[0], strict=True))
    assert found["stay_of_100"] == round(100 * probability["436"])
    out = sum(probability[state] for state in forecast.taxonomy.states)
    assert found["out_of_work_of_100"] == round(100 * out)
    for step in found["next"]:
        assert step["of_100"] == round(100 * probability[step["code"]] / (1 - probability["436"]))


def test_feeders_and_next_steps_agree_with_the_flows(client: TestClient, served: Served) -> None:
    found = client.get("/v1/occupations/436").json()["occupation"]
    flows, at = served.outlook.flows, served.taxonomy.position["436"]
    coming = flows.flow[:, at].copy()
    coming[at] = 0
    for step in found["feeders"]:
        share = coming[served.taxonomy.position[step["code"]]] / coming.sum()
        assert step["of_100"] == round(100 * share)


def test_a_code_that_is_none_is_not_found(client: TestClient) -> None:
    assert client.get("/v1/occupations/nope").status_code == 404
    assert client.get("/occupations/nope").status_code == 404


def test_every_occupation_has_a_page(client: TestClient, served: Served) -> None:
    for code in (*served.taxonomy.codes[::80], *served.taxonomy.states):
        text = client.get(f"/occupations/{code}").raise_for_status().text
        assert f"<h1>{served.taxonomy.title(code)}</h1>" in text.replace("&#39;", "'")


def test_a_title_leads_to_its_page(client: TestClient) -> None:
    answer = client.post("/occupations", data={"title": "line cook"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/occupations/436")
    assert "leads to no one occupation" in client.post("/occupations", data={"title": "xqzv"}).text


def test_titles_are_coded_as_the_coder_does(client: TestClient) -> None:
    titles = ["Sr. line cook", "night nurse", "xqzv", "Registered nurses"]
    found = client.post("/v1/titles", json={"titles": titles}).json()["titles"]
    coder = Titles.of(client.app.state.asked.served.taxonomy).coder  # type: ignore[attr-defined]
    assert coder is not None
    expected = coder.code(titles[:3])
    assert [each["code"] for each in found[:3]] == expected["code"].to_list()
    assert (found[3]["code"], found[3]["confidence"]) == ("95", 1.0)
    assert found[0]["candidates"][0]["code"] == found[0]["code"]


def test_a_state_is_known_where_the_taxonomy_tells_it_apart_and_where_it_does_not(served: Served) -> None:
    jobs = served.taxonomy.without_states
    titles = {name: Titles(jobs.with_states(states), None) for name, states in STATES_TOLD.items()}
    assert titles["apart"].read("Unemployed").code == "unemployed"
    assert (
        titles["together"].read("Unemployed").code
        == titles["together"].read("not in labor force").code
        == "not_working"
    )
    assert titles["none"].read("Unemployed").code is None


def test_the_model_says_what_it_is(client: TestClient, fitted: Fitted) -> None:
    (found,) = client.get("/v1/models").json()["models"]
    assert found["careers"] == fitted.record.workers
    assert found["audited"] is False


def test_health_is_open_and_readiness_waits_for_the_model(served: Served) -> None:
    client = TestClient(create_app(served), base_url=BASE)
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").status_code == 503
    with client:
        assert client.get("/ready").status_code == 200


def test_a_model_without_an_audit_is_served_only_when_told_so(fitted: Fitted, tmp_path: Path) -> None:
    run = tmp_path / "run"
    fitted.save(run)
    served = Served.load(run)
    with pytest.raises(RunError, match="no audit goes with the model run"):
        served.require_audited()
    card = run / "README.md"
    sentence = "The best of 5 attacks (LiRA) cannot be titles from guessing: of two people, ..."
    before = file_hash(card)
    card.write_text(card.read_text().replace("## Audit\n\n", f"## Audit\n\n{sentence}\n\n"))
    marker = run / MARKER
    marker.write_text(marker.read_text().replace(before, file_hash(card)))
    audited = Served.load(run)
    audited.require_audited()
    assert audited.audit == sentence
