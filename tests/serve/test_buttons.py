"""The first page beyond its main path: each button, a pasted resume, the other version, the files to download."""

import csv
import io
import re
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from laborllm.serve.page.form import HORIZONS, Form, Job

COOK = Form((Job("Cooks", "2019", "2022"),), now=2022, horizon=3)
TWO = Form((Job("Cooks", "2015", "2017"), Job("Cashiers", "2018", "2022")), now=2022)
ENCODED = {"content-type": "application/x-www-form-urlencoded"}
RESULT = "The years ahead"


def press(client: TestClient, form: Form, action: str = "show") -> str:
    """The page after a press of a button."""
    return client.post("/", content=f"{form.state}&action={action}", headers=ENCODED).text


def titles(page: str) -> list[str]:
    """What stands in the fields of the jobs."""
    return [
        re.sub(r".*\bvalue=\"([^\"]*)\".*", r"\1", tag) for tag in re.findall(r'<input[^>]*name="title"[^>]*>', page)
    ]


def alert(page: str) -> str:
    found = re.search(r'role="alert">([^<]*)<', page)
    return found[1].replace("&#39;", "'") if found else ""


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("up-1", ["Cashiers", "Cooks"]),
        ("up-0", ["Cooks", "Cashiers"]),
        ("delete-0", ["Cashiers"]),
        ("delete-7", ["Cooks", "Cashiers"]),
        ("add", ["Cooks", "Cashiers", ""]),
    ],
)
def test_lines_are_changed_and_nothing_is_forecast(client: TestClient, action: str, expected: list[str]) -> None:
    page = press(client, TWO, action)
    assert titles(page) == expected
    assert RESULT not in page
    assert alert(page) == ""


def test_a_form_without_a_job_says_what_to_type(client: TestClient) -> None:
    assert alert(press(client, Form())) == "Type at least one job, with the year it began."
    assert alert(press(client, Form(), "up-1")) == ""


@pytest.mark.parametrize("number", ["99", "x", "", "-1", "\u00b2"])
def test_an_example_that_there_is_not_leaves_the_form_as_it_is(client: TestClient, number: str) -> None:
    page = press(client, Form(), f"example-{number}")
    assert titles(page) == [""]
    assert RESULT not in page


def test_a_resume_becomes_the_lines_of_the_form(client: TestClient) -> None:
    resume = "2015 - 2017 Line cook\n2018 - present Cashier"
    page = client.post("/", data={"action": "read", "resume": resume}).text
    assert titles(page) == ["Line cook", "Cashier"]
    assert RESULT not in page
    nothing = client.post("/", data={"action": "read", "resume": "Skills: cooking"})
    assert nothing.status_code == 422
    assert alert(nothing.text).startswith("No line of the resume has a year and a job title")


@pytest.mark.parametrize("horizon", HORIZONS)
def test_as_many_years_are_shown_as_were_asked_for(client: TestClient, horizon: int) -> None:
    answer = client.post("/download", data={"state": replace(COOK, horizon=horizon).state, "kind": "csv"})
    header, *rows = csv.reader(io.StringIO(answer.text))
    assert header == ["where", *(str(year) for year in range(2022, 2023 + horizon))]
    for at in range(1, len(header)):
        assert sum(int(row[at].split(" ")[0]) for row in rows) == 100


def test_years_that_are_no_choice_are_five(client: TestClient) -> None:
    state = COOK.state.replace("horizon=3", "horizon=400")
    header = client.post("/download", data={"state": state, "kind": "csv"}).text.splitlines()[0]
    assert header.endswith(",2027")


def test_the_data_to_download_are_the_answer_of_the_api(client: TestClient) -> None:
    downloaded = client.post("/download", data={"state": COOK.state, "kind": "json"})
    records = [{"year": year, "title": "Cooks"} for year in range(2019, 2023)]
    asked = {"careers": [{"records": records}], "horizon": 3, "draws": 1000, "top": 6}
    assert downloaded.json() == client.post("/v1/simulate", json=asked).json()
    assert downloaded.headers["content-disposition"] == 'attachment; filename="career.json"'


@pytest.mark.parametrize(
    ("state", "kind", "detail"),
    [
        (COOK.state, "pdf", "Choose CSV, JSON or PNG."),
        (COOK.state, "", "Choose CSV, JSON or PNG."),
        ("", "csv", "Type at least one job, with the year it began."),
        (replace(COOK, jobs=(Job("Xqzv", "2020"),)).state, "csv", "the title 'Xqzv' leads to no one occupation"),
    ],
)
def test_what_cannot_be_downloaded_is_said(client: TestClient, state: str, kind: str, detail: str) -> None:
    answer = client.post("/download", data={"state": state, "kind": kind})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(detail)
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize(
    ("change", "to", "words"),
    [
        ("education", "college", "if the education on their last record were: college"),
        ("region", "west", "if the region on their last record were: west"),
    ],
)
def test_another_version_is_said_in_words(client: TestClient, change: str, to: str, words: str) -> None:
    """As many rows as occupations differ by a person of a hundred, by the API; a sentence where none does."""
    page = press(client, replace(COOK, change=change, to=to))
    assert f"In 2025, {words}" in page
    records = [{"year": year, "title": "Cooks"} for year in range(2019, 2023)]
    other = [*records[:-1], {**records[-1], change: to}]
    asked = {"career": {"records": records}, "other": {"records": other}, "horizon": 3, "draws": 1000, "top": 8}
    changes = client.post("/v1/what-if", json=asked).json()["years"][-1]["changes"]
    assert page.count(": no occupation has one more person of a hundred") == (not changes)
    assert page.count("and the paired difference") == bool(changes)


def test_another_version_of_nothing_is_refused(client: TestClient) -> None:
    assert alert(press(client, replace(COOK, change="title"))) == "Say what the other version would be."
    assert "leads to no one occupation" in alert(press(client, replace(COOK, change="title", to="Xqzv")))
    assert "paired difference" not in press(client, replace(COOK, to="Registered nurses"))  # nothing is to change


def test_suggestions_are_text_and_few(client: TestClient) -> None:
    many = client.post("/suggest", data={"typed": "s"}).text
    assert 0 < many.count("<option") <= 8
    assert "<script" not in client.post("/suggest", data={"typed": "<script>" * 100}).text
    assert client.post("/suggest").text.strip() == ""
