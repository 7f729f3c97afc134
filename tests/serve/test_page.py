"""The first page, as a browser without JavaScript has it."""

import csv
import io
import re

import pytest
from starlette.testclient import TestClient

from laborllm.report.numbers import MINUS
from laborllm.serve import Served, Settings, create_app
from laborllm.serve.page.examples import EXAMPLES
from laborllm.serve.page.form import Form, FormError, Job
from laborllm.serve.page.groups import EXAMPLE
from laborllm.serve.page.resume import form_of
from serve.conftest import BASE, career

COOK = Form((Job("Line cook", "2019", "2022", "high school"),), now=2022)


def state_of(html: str) -> str:
    found = re.search(r'data-state="([^"]*)"', html)
    return found[1].replace("&amp;", "&") if found else ""


def test_the_first_page_has_the_form_and_examples(client: TestClient) -> None:
    text = client.get("/").raise_for_status().text
    assert 'name="title"' in text
    assert all(name in text for name in EXAMPLES)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_leads_to_a_result(client: TestClient, number: int) -> None:
    answer = client.post("/", data={"action": f"example-{number}"})
    assert answer.status_code == 200
    assert "The years ahead" in answer.text


def test_the_page_says_what_the_api_says(client: TestClient) -> None:
    text = client.post("/", content=COOK.state, headers={"content-type": "application/x-www-form-urlencoded"}).text
    records = [{"year": year, "title": "Line cook", "education": "high school"} for year in range(2019, 2023)]
    asked = {"careers": [{"records": records}], "top": 6}
    (found,) = client.post("/v1/forecast", json=asked).json()["forecasts"]
    shown = re.findall(r"<strong>(\d+)</strong>", text)
    assert [int(number) for number in shown] == [each["of_100"] for each in found["outcomes"]]
    assert f"In {found['year']}, of 100 people" in text


def test_buttons_change_the_form_and_keep_what_was_typed(client: TestClient) -> None:
    typed = {"title": "Line cook", "start": "2019", "end": "", "education": "college", "action": "add"}
    text = client.post("/", data=typed).text
    assert text.count('name="title"') == 2
    assert 'value="Line cook"' in text
    assert '<option value="college" selected>' in text
    assert "The years ahead" not in text


def test_what_is_wrong_is_said_on_the_page(client: TestClient) -> None:
    answer = client.post("/", data={"title": "Line cook", "start": "next year"})
    assert answer.status_code == 422
    assert 'role="alert">Job 1: &#39;next year&#39; is not a year' in answer.text


def test_html_in_a_title_is_text(client: TestClient) -> None:
    attack = "<script>alert(1)</script>"
    for typed in ({"title": attack, "start": "2020"}, {"title": "Cooks", "start": attack}):
        text = client.post("/", data=typed).text
        assert attack not in text
        assert "&lt;script&gt;" in text


def test_the_link_of_a_result_gives_it_again(client: TestClient) -> None:
    one = client.post("/", data={"action": "example-0"}).text
    headers = {"content-type": "application/x-www-form-urlencoded"}
    two = client.post("/", content=state_of(one), headers=headers).text
    assert state_of(one)
    assert one == two


def test_a_what_if_shows_the_difference_that_the_api_gives(client: TestClient) -> None:
    form = Form((Job("Cooks", "2022", "2022"),), change="title", to="Registered nurses", horizon=3, now=2022)
    text = client.post("/", content=form.state, headers={"content-type": "application/x-www-form-urlencoded"}).text
    asked = {"horizon": 3, "top": 8, "career": career("Cooks", first=2022)}
    asked["other"] = career("Registered nurses", first=2022)
    last = client.post("/v1/what-if", json=asked).json()["years"][-1]
    assert "In 2025, if their last year were spent as: Registered nurses" in text
    for each in last["changes"]:
        assert f"{each['of_100']:+d}</td>".replace("-", MINUS) in text


def test_downloads_hold_the_numbers_of_the_page(client: TestClient) -> None:
    shown = {
        kind: client.post("/download", data={"state": COOK.state, "kind": kind}) for kind in ("csv", "json", "png")
    }
    rows = list(csv.reader(io.StringIO(shown["csv"].text)))
    years = shown["json"].json()["simulations"][0]["years"]
    assert rows[0][1:] == ["2022", *(str(year["year"]) for year in years)]
    stay = [next(each["of_100"] for each in year["outcomes"] if each["kind"] == "stay") for year in years]
    for cell, number in zip(rows[1][2:], stay, strict=True):
        assert abs(int(cell.split(" ")[0]) - number) <= 1  # each table rounds so that its own rows add up
    assert shown["png"].content.startswith(b"\x89PNG")
    assert shown["csv"].headers["content-disposition"] == 'attachment; filename="career.csv"'


def test_titles_are_suggested_by_their_letters_and_their_meaning(client: TestClient) -> None:
    assert '<option value="Registered nurses">' in client.post("/suggest", data={"typed": "regist"}).text
    assert "Cooks" in client.post("/suggest", data={"typed": "line cook"}).text
    assert client.post("/suggest", data={"typed": " "}).text.strip() == ""


@pytest.mark.parametrize(
    ("text", "jobs"),
    [
        ("2015 - 2018 Line cook", [("Line cook", "2015", "2018")]),
        ("Line cook, Joe's Diner (2015\u20132018)", [("Line cook", "2015", "2018")]),
        ("Line cook at Joe's Diner, May 2015 to present", [("Line cook", "2015", "")]),
        ("Registered nurse | County Hospital | 03/2012 - 11/2019", [("Registered nurse", "2012", "2019")]),
        ("Hotel clerk, 2011 - 2013\n\nSkills: 10 key", [("Hotel clerk", "2011", "2013")]),
        ("Cashier\n2011 - 2013", [("Cashier", "2011", "2013")]),
        ("2016 - Line cook\n2015 \u2013 Helper", [("Helper", "2015", "2015"), ("Line cook", "2016", "2016")]),
        ("Line cook, 2015 - ongoing", [("Line cook", "2015", "")]),
        ("2015 - to date Line cook", [("Line cook", "2015", "")]),
        ("2016 Welder\n2012-2015 Helper", [("Helper", "2012", "2015"), ("Welder", "2016", "2016")]),
        (
            '{"work": [{"position": "Welder", "startDate": "2016-02-01", "endDate": "2018-01-01"},'
            ' {"position": "Helper", "startDate": "2012"}]}',
            [("Helper", "2012", ""), ("Welder", "2016", "2018")],
        ),
    ],
)
def test_a_resume_is_read(text: str, jobs: list[tuple[str, str, str]]) -> None:
    assert [(job.title, job.start, job.end) for job in form_of(text, Form()).jobs] == jobs


@pytest.mark.parametrize("text", ["", "Line cook", "{", "{}", "[1]", "2015 2016", '{"work": 3}'])
def test_what_is_no_resume_is_refused(text: str) -> None:
    with pytest.raises(FormError):
        form_of(text, Form())


@pytest.mark.parametrize(
    ("place", "fields", "kept"),
    [
        ("/", {"title": "Cooks", "start": "2019"}, 'value="Cooks"'),
        (
            "/groups",
            {"text": EXAMPLE, "action": "report", "title": "Welder", "code": "436"},
            '<option value="436">Cooks',
        ),
    ],
)
def test_a_busy_server_says_so_beside_what_was_typed(
    served: Served, place: str, fields: dict[str, str], kept: str
) -> None:
    busy = TestClient(create_app(served, Settings(waiting=0)), base_url=BASE)
    answer = busy.post(place, data=fields)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "The server has more to do than it can hold: ask for less at a time, or again later." in answer.text
    assert kept in answer.text
