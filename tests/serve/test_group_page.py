"""The page of groups, as a browser without JavaScript has it."""

import csv
import io
import re
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from laborllm.serve import Served, create_app
from laborllm.serve.page.groups import EXAMPLE
from serve.conftest import BASE, OPEN

HEAD = "worker,start,end,title\n"


@pytest.fixture
def fresh(served: Served) -> TestClient:
    return TestClient(create_app(served, OPEN), base_url=BASE)


def listed(titles: list[str], *, first: int = 2015) -> str:
    return HEAD + "".join(f"{at},{first},2024,{title}\n" for at, title in enumerate(titles))


def test_a_list_goes_to_coded_titles_and_a_report(fresh: TestClient) -> None:
    example = fresh.post("/groups", data={"action": "example"}).text
    assert "Forklift operator" in example
    titles = fresh.post("/groups", data={"action": "titles", "text": EXAMPLE, "lost": "2025"}).text
    assert re.search(
        r'value="Machinist"></th>\s*<td [^>]*><select name="code"[^>]*>\s*<option value="">Machinists',
        titles,
    )
    report = fresh.post("/groups", data={"action": "report", "text": EXAMPLE, "lost": "2025", "horizon": "3"}).text
    assert "15 people: north plant" in report
    assert "15 people: south plant" in report
    assert report.count("at work in") == 4  # in one and three years, of two groups


def test_an_uploaded_file_is_read_as_typed_text_is(fresh: TestClient) -> None:
    text = listed(["Cook"] * 12)
    typed = fresh.post("/groups", data={"action": "csv", "text": text})
    sent = fresh.post("/groups", data={"action": "csv"}, files={"file": ("people.csv", text.encode("utf-16"))})
    assert typed.status_code == sent.status_code == 200
    assert typed.text == sent.text
    rows = list(csv.DictReader(io.StringIO(typed.text)))
    years = sorted({row["year"] for row in rows})
    assert len(years) == 5
    for year in years:
        of_year = [row for row in rows if row["year"] == year]
        assert sum(int(row["people"]) for row in of_year if row["occupation"] != "At work") == 12


def test_a_correction_changes_what_a_title_is_read_as(fresh: TestClient) -> None:
    data = {"action": "titles", "text": listed(["Cook"] * 12), "title": ["Cook"], "code": ["95"]}
    assert '<option value="95">Registered nurses</option>' in fresh.post("/groups", data=data).text


def test_people_who_lost_their_jobs_begin_without_one(fresh: TestClient) -> None:
    def at_work(**more: str) -> int:
        data = {"action": "csv", "text": listed(["Cook"] * 40), "horizon": "1"} | more
        rows = csv.DictReader(io.StringIO(fresh.post("/groups", data=data).text))
        return next(int(row["people"]) for row in rows if row["occupation"] == "At work")

    assert at_work(lost="2024") < at_work()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("worker,title\n1,Cook\n", "has no column &#39;start&#39;"),
        (listed(["Cook"] * 9), "A group has 9 people: each needs at least 10."),
        ("worker,Worker,start,end,title\n", "Two columns of the list have one name."),
        (",".join(f"c{at}" for at in range(40)) + "\n1", "The list has 40 columns: at most 30."),
        (HEAD + '1,2019,2020,"Cook\n', "quote"),
    ],
)
def test_what_is_no_list_is_said(fresh: TestClient, text: str, message: str) -> None:
    answer = fresh.post("/groups", data={"action": "report", "text": text})
    assert answer.status_code == 422
    assert message in answer.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (listed(["Cook"] * 21), "21 people are too many for one request: at most 20."),
        (listed(["Cook", "Chef", "Baker"] * 4), "3 different titles are too many for one request: at most 2."),
        (listed(["Cook"] * 12), "6,000 careers times years times draws are too many for one request: at most 5,000."),
    ],
)
@pytest.mark.parametrize("action", ["report", "csv"])
def test_a_list_is_held_to_the_limits_of_a_request(served: Served, text: str, message: str, action: str) -> None:
    settings = replace(OPEN, group=20, titles=2, person_years=5_000)
    client = TestClient(create_app(served, settings), base_url=BASE)
    answer = client.post("/groups", data={"action": action, "text": text})
    assert answer.status_code == 422
    assert message in answer.text


def test_html_in_a_list_is_text(fresh: TestClient) -> None:
    attack = "<img src=x onerror=alert(1)>"
    text = fresh.post("/groups", data={"action": "titles", "text": listed([attack, "Cook"])}).text
    assert attack not in text
