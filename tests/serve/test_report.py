"""The report on a group: its figures, tables and file against the API and the library, and lists that are no lists."""

import csv
import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from laborllm.serve import Served, create_app
from serve.conftest import BASE, OPEN

HEAD = "worker,start,end,title"
COOKS = "\n".join([HEAD, *(f"{at},2020,2022,Cooks" for at in range(12))])
NURSES = COOKS.replace("Cooks", "Registered nurses")
ACROSS = "\n".join([f"{HEAD},group", *(f"{at:02},2020,2022,Cooks,{'east' if at < 10 else 'west'}" for at in range(24))])


@pytest.fixture
def fresh(served: Served) -> TestClient:
    """A server that was never asked."""
    return TestClient(create_app(served, OPEN), base_url=BASE)


def table(client: TestClient, text: str, **more: object) -> list[dict[str, str]]:
    """The rows of the file to download."""
    answer = client.post("/groups", data={"action": "csv", "text": text, "horizon": "3"} | more)
    assert answer.headers["content-disposition"] == 'attachment; filename="group.csv"'
    return list(csv.DictReader(io.StringIO(answer.text)))


def asked_of_the_api(client: TestClient, title: str, labels: list[str]) -> list[dict[str, str]]:
    """The rows that the answer of the API comes to, for the same people."""
    records = [{"year": year, "title": title} for year in (2020, 2021, 2022)]
    people = [{"career": {"records": records}, "group": label} for label in labels]
    body = {"people": people, "horizon": 3, "draws": 200, "top": 8}
    rows = []
    for group in client.post("/v1/group", json=body).raise_for_status().json()["groups"]:
        for year in group["years"]:
            for count in (year["at_work"], *year["occupations"]):
                within = "" if count["low"] is None else f"{count['low']} to {count['high']}"
                rows.append(
                    {
                        "group": group["group"],
                        "year": str(year["year"]),
                        "occupation": count["title"],
                        "people": str(count["count"]),
                        "range": within,
                    }
                )
    return rows


def alert(page: str) -> str:
    found = re.search(r'role="alert">([^<]*)<', page)
    return found[1].replace("&#39;", "'") if found else ""


@pytest.mark.parametrize(("text", "title"), [(COOKS, "Cooks"), (NURSES, "Registered nurses")])
def test_the_file_holds_what_the_api_answers(fresh: TestClient, text: str, title: str) -> None:
    assert table(fresh, text) == asked_of_the_api(fresh, title, ["all"] * 12)


def test_each_group_of_a_list_has_its_rows(fresh: TestClient) -> None:
    rows = table(fresh, ACROSS)
    assert rows == asked_of_the_api(fresh, "Cooks", ["east"] * 10 + ["west"] * 14)
    people = {
        (row["group"], row["year"]): sum(
            int(each["people"])
            for each in rows
            if (each["group"], each["year"]) == (row["group"], row["year"]) and each["occupation"] != "At work"
        )
        for row in rows
    }
    assert set(people.values()) == {10, 14}


def test_a_correction_is_what_the_people_are(fresh: TestClient) -> None:
    """Cooks whose title is corrected to the code of nurses are nurses."""
    assert table(fresh, COOKS, title=["Cooks"], code=["95"]) == asked_of_the_api(
        fresh, "Registered nurses", ["all"] * 12
    )


def test_a_correction_stays_chosen_in_the_report(fresh: TestClient) -> None:
    data: Mapping[str, object] = {"action": "report", "text": COOKS, "horizon": "1", "title": ["Cooks"], "code": ["95"]}
    page = fresh.post("/groups", data=data).text
    assert '<option value="95">Registered nurses</option>' in page
    assert "12 people" in page


@pytest.mark.parametrize(("horizon", "figures"), [("1", 1), ("3", 2)])
def test_who_goes_where_is_drawn_where_there_are_years_to_go_between(
    fresh: TestClient, horizon: str, figures: int
) -> None:
    page = fresh.post("/groups", data={"action": "report", "text": COOKS, "horizon": horizon}).text
    assert page.count("<figure>") == figures
    assert page.count('class="chart narrow"') == figures  # each has a form for a phone
    assert ("Who goes where" in page) == (figures == 2)


def test_years_that_are_no_choice_are_five(fresh: TestClient) -> None:
    years = {row["year"] for row in table(fresh, COOKS, horizon="50")}
    assert years == {str(year) for year in range(2023, 2028)}


def test_a_file_is_read_before_the_field_and_an_empty_one_is_none(fresh: TestClient) -> None:
    expected = asked_of_the_api(fresh, "Registered nurses", ["all"] * 12)
    for typed, content in ((COOKS, NURSES), (NURSES, "")):
        answer = fresh.post(
            "/groups",
            data={"action": "csv", "text": typed, "horizon": "3"},
            files={"file": ("people.csv", content.encode())},
        )
        assert list(csv.DictReader(io.StringIO(answer.text))) == expected


def test_people_of_whom_nothing_could_be_read_are_counted(fresh: TestClient) -> None:
    text = "\n".join([COOKS, "x,2020,2022,", "y,2020,2022,"])
    page = fresh.post("/groups", data={"action": "titles", "text": text}).text
    assert "2 people are left out: none of their jobs could be read." in page


@pytest.mark.parametrize("lost", ["soon", "20", "20251", "1066"])
def test_a_year_that_is_none_is_said_and_not_passed_over(fresh: TestClient, lost: str) -> None:
    answer = fresh.post("/groups", data={"action": "report", "text": COOKS, "lost": lost})
    assert answer.status_code == 422
    assert alert(answer.text).startswith(f"The year in which all lost their jobs: '{lost}' is not a year.")
    assert "<figure>" not in answer.text


def test_a_file_that_is_no_text_is_said_on_the_page(fresh: TestClient) -> None:
    answer = fresh.post(
        "/groups", data={"action": "titles"}, files={"file": ("people.xlsx", b"PK\x03\x04\x00\xff" * 9)}
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("text/html")
    assert alert(answer.text)
    assert "PK" not in alert(answer.text)


def test_a_list_less_a_few_people_is_refused_on_the_page(fresh: TestClient) -> None:
    assert len(table(fresh, COOKS)) > 0
    fewer = COOKS.rsplit("\n", 2)[0]
    answer = fresh.post("/groups", data={"action": "report", "text": fewer})
    assert answer.status_code == 422
    assert "differs from one asked for before by fewer than 10 people" in alert(answer.text)


def test_the_page_keeps_what_was_typed(fresh: TestClient) -> None:
    page = fresh.post("/groups", data={"action": "titles", "text": COOKS, "lost": "2022", "horizon": "10"}).text
    assert '<input name="lost" value="2022"' in page
    assert '<option value="10" selected>10</option>' in page
    assert "11,2020,2022,Cooks" in page
    empty = fresh.get("/groups").text
    assert f'value="{datetime.now(UTC).year}"' not in empty
    assert '<option value="5" selected>5</option>' in empty
