"""Groups over HTTP: their numbers against the library's, and what is refused so that nobody is singled out."""

from dataclasses import replace

import polars as pl
import pytest
from starlette.testclient import TestClient

import laborllm as ll
from laborllm.models.contract import Fitted
from laborllm.panel import Panel, Provenance
from laborllm.serve import Served, create_app
from laborllm.serve.groups import NEW, SECONDS, GroupError, Groups, ManyGroupsError
from laborllm.serve.inputs.careers import Worker
from serve.conftest import BASE, OPEN, career

HER = "client"


def people(count: int, group: str = "all", *, title: str = "Cooks", first: int = 2020) -> list[dict[str, object]]:
    return [{"group": group, "career": career(title, first=first)} for _ in range(count)]


@pytest.fixture
def fresh(served: Served) -> TestClient:
    """A server that was never asked."""
    return TestClient(create_app(served, OPEN), base_url=BASE)


def workers(count: int, *, first: int = 2020, code: str = "436") -> list[Worker]:
    return [Worker(((first, code, None, None, None, None, None),))] * count


def test_counts_are_those_of_the_library(fresh: TestClient, fitted: Fitted) -> None:
    asked = {"people": people(12, title="Cooks") + people(10, title="Cashiers"), "horizon": 2, "draws": 300, "top": 3}
    (found,) = fresh.post("/v1/group", json=asked).raise_for_status().json()["groups"]
    codes = ["436"] * 12 + ["276"] * 10
    rows = {
        "worker": [f"{at:02d}" for at in range(22)],
        "year": [2020] * 22,
        "occupation": codes,
        "split": ["test"] * 22,
    }
    panel = Panel(pl.DataFrame(rows), fitted.record.taxonomy, "SYNTHETIC", Provenance("test"))
    exact = ll.group_shares(ll.simulate(fitted, panel, years=[2021, 2022], draws=300, seed=1), major=True)
    assert found["people"] == 22
    for year in found["years"]:
        expected = dict(exact.filter(year=year["year"]).select("title", "count").iter_rows())
        named = [count for count in year["groups"] if count["low"] is not None]
        for count in named:
            assert count["count"] == pytest.approx(expected[count["title"]], abs=0.51 + 0.3)  # two seeds apart
            assert count["low"] <= count["count"] <= count["high"]
        assert sum(count["count"] for count in year["groups"]) == 22
        work = 22 - expected["Not employed"]
        assert year["at_work"]["count"] == pytest.approx(work, abs=0.51 + 0.3)


def test_people_with_equal_careers_have_their_own_chance(fresh: TestClient) -> None:
    asked = {"people": people(20), "horizon": 1, "draws": 400}
    (found,) = fresh.post("/v1/group", json=asked).json()["groups"]
    stay = next(count for count in found["years"][0]["occupations"] if count["title"] == "Cooks")
    assert stay["low"] > 0  # were all twenty one person, they would leave together in some futures
    assert stay["low"] < stay["high"]


def test_a_group_of_nine_is_refused(fresh: TestClient) -> None:
    answer = fresh.post("/v1/group", json={"people": people(20) + people(9, "few"), "draws": 100})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "a group has 9 people: each needs at least 10"


def test_a_group_less_one_person_is_refused_and_the_same_group_is_not(fresh: TestClient) -> None:
    asked = {"people": people(12), "horizon": 1, "draws": 100}
    one = fresh.post("/v1/group", json=asked)
    assert one.status_code == 200
    assert fresh.post("/v1/group", json=asked).json() == one.json()
    fewer = fresh.post("/v1/group", json=asked | {"people": people(11)})
    assert fewer.status_code == 422
    assert "differs from one asked for before by fewer than 10 people" in fewer.json()["detail"]


def test_groups_that_differ_by_ten_are_let_in() -> None:
    groups = Groups()
    groups.admit(workers(12), ["a"] * 12, HER)
    groups.admit(workers(12) + workers(10, first=1999), ["a"] * 22, HER)
    with pytest.raises(GroupError):
        groups.admit(workers(12) + workers(9, first=1998), ["a"] * 21, HER)


def test_a_subgroup_is_compared_too() -> None:
    groups = Groups()
    groups.admit(workers(15) + workers(15, first=1999), ["a"] * 15 + ["b"] * 15, HER)
    with pytest.raises(GroupError):
        groups.admit(workers(14), ["c"] * 14, HER)


def test_a_corrected_title_leaves_a_group_what_it_was() -> None:
    groups = Groups()
    groups.admit(workers(12), ["a"] * 12, HER)
    groups.admit(workers(11) + workers(1, code="276"), ["a"] * 12, HER)


def test_a_request_may_be_repeated_though_its_groups_resemble_each_other() -> None:
    """Ten people and fourteen, all with the same years: the two groups differ by four, and nobody is singled out."""
    groups, labels = Groups(), ["east"] * 10 + ["west"] * 14
    for _ in range(3):
        groups.admit(workers(24), labels, HER)
    with pytest.raises(GroupError, match="differs from one asked for before"):
        groups.admit(workers(23), labels[:-1], HER)
    with pytest.raises(GroupError, match="differs from one asked for before"):
        groups.admit(workers(24), ["east"] * 11 + ["west"] * 13, HER)


def test_asking_again_keeps_a_group_remembered() -> None:
    groups = Groups()
    for now in (0.0, SECONDS - 1):
        groups.admit(workers(12), ["a"] * 12, HER, now=now)
    with pytest.raises(GroupError, match="differs from one asked for before"):
        groups.admit(workers(11), ["a"] * 11, HER, now=SECONDS + 1)


def test_a_group_is_forgotten_after_an_hour() -> None:
    groups = Groups()
    groups.admit(workers(12), ["a"] * 12, HER, now=0.0)
    groups.admit(workers(11), ["a"] * 11, HER, now=SECONDS + 1)


def test_other_people_with_like_years_are_another_list() -> None:
    groups = Groups()
    groups.admit(workers(12), ["a"] * 12, HER)
    groups.admit(workers(15, code="276"), ["a"] * 15, HER)
    with pytest.raises(GroupError, match="differs from one asked for before"):
        groups.admit(workers(11), ["a"] * 11, HER)


def test_titles_changed_in_between_do_not_hide_the_one_who_is_missing() -> None:
    groups = Groups()
    groups.admit(workers(30), ["a"] * 30, HER)
    groups.admit(workers(20) + workers(10, code="276"), ["a"] * 30, HER)
    for fewer in (workers(29), workers(20) + workers(9, code="276")):
        with pytest.raises(GroupError, match="differs from one asked for before"):
            groups.admit(fewer, ["a"] * 29, HER)


def test_groups_of_anybody_are_compared() -> None:
    groups = Groups()
    groups.admit(workers(12), ["a"] * 12, HER)
    with pytest.raises(GroupError, match="differs from one asked for before"):
        groups.admit(workers(11), ["a"] * 11, "another")


def test_a_client_has_a_hundred_lists_an_hour_and_each_as_often_as_it_likes() -> None:
    """So the first ones cannot be made forgotten by asking for others."""
    groups = Groups()

    def ask(number: int, now: float) -> None:
        groups.admit(workers(10, first=1900 + number), ["a"] * 10, HER, now=now)

    for number in range(NEW):
        ask(number, now=float(number))
        ask(0, now=float(number))
    with pytest.raises(ManyGroupsError) as refused:
        ask(NEW, now=float(NEW))
    assert refused.value.seconds == SECONDS - (NEW - 1)  # the second list is the oldest: the first was asked for again
    groups.admit(workers(10, first=1900 + NEW), ["a"] * 10, "another", now=float(NEW))
    ask(0, now=float(NEW))
    ask(NEW, now=NEW + SECONDS)


def test_a_client_with_too_many_lists_is_told_when_to_go_on(fresh: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("laborllm.serve.groups.NEW", 1)
    asked = {"horizon": 1, "draws": 100}
    assert fresh.post("/v1/group", json=asked | {"people": people(10)}).status_code == 200
    refused = fresh.post("/v1/group", json=asked | {"people": people(10, first=1990)})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) in (3599, 3600)


def test_ranges_hold_the_error_of_groups_where_it_is_known(served: Served) -> None:
    """Expected numbers stay as they are; the ranges are those that the library gives with the same error."""
    known = replace(served, common_error=ll.CommonError(0.3, counts=50))
    asked = {"people": people(40), "horizon": 2, "draws": 300}
    without, held = (
        TestClient(create_app(each, OPEN), base_url=BASE).post("/v1/group", json=asked).json()
        for each in (served, known)
    )
    assert (without["holds"], held["holds"]) == ("draws", "draws, common error")
    for year, wider in zip(without["groups"][0]["years"], held["groups"][0]["years"], strict=True):
        for one, two in [(year["at_work"], wider["at_work"]), *zip(year["groups"], wider["groups"], strict=True)]:
            assert (one["title"], one["count"]) == (two["title"], two["count"])
        assert wider["at_work"]["high"] - wider["at_work"]["low"] > year["at_work"]["high"] - year["at_work"]["low"]


@pytest.mark.parametrize(
    ("more", "detail"),
    [
        ({"people": people(1001)}, "1,001 careers are too many for one request: at most 1,000"),
        ({"people": people(1000), "horizon": 20}, "4,000,000 careers times years times draws are too many"),
        ({"people": []}, "people: List should have at least 1 item"),
    ],
)
def test_too_much_is_refused(fresh: TestClient, more: dict[str, object], detail: str) -> None:
    answer = fresh.post("/v1/group", json=more)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(detail)
