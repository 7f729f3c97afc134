"""Groups as whole people: twelve people on five futures counted by hand, and what must hold of any group."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.forecasting.simulation.result import Simulation
from laborllm.serve.counted import count_groups, parts_of
from laborllm.serve.inputs.careers import Worker
from laborllm.serve.schema.groups import Count, OneGroup
from serve.towns import TOWN, simulation

COOK, WAITER, TELLER, WELDER, OUT = range(5)
# A year of twelve people: eight cooks who stay in three futures of five, four waiters who lose their jobs in one.
DRAWN = [[[COOK], [COOK], [COOK], [TELLER], [OUT]]] * 8 + [[[WAITER], [WAITER], [WAITER], [WAITER], [OUT]]] * 4
SHARES = [[[0.6, 0, 0.2, 0, 0.2]]] * 8 + [[[0, 0.8, 0, 0, 0.2]]] * 4


@pytest.fixture
def kitchen() -> Simulation:
    return simulation(SHARES, DRAWN)


def worker(born: int = 1990) -> Worker:
    return Worker(((2024, "1", None, None, None, None, born),))


def counted(found: Simulation, labels: list[str], top: int) -> list[OneGroup]:
    """The groups of people of whom no two have equal careers."""
    return count_groups(found, [worker(born) for born in range(len(labels))], labels, top)


def said(counts: list[Count]) -> list[tuple[str, int, int | None, int | None]]:
    return [(each.title, each.count, each.low, each.high) for each in counts]


def test_twelve_people_by_hand(kitchen: Simulation) -> None:
    """Expected: 4.8 cooks, 3.2 waiters, 1.6 tellers and 2.4 out of work; cooks are 8, 8, 8, 0, 0 in the futures."""
    (group,) = counted(kitchen, ["all"] * 12, top=8)
    assert (group.group, group.people) == ("all", 12)
    (year,) = group.years
    assert year.year == 2025
    assert said(year.occupations) == [
        ("Cooks", 5, 0, 8),
        ("Waiters", 3, 0, 4),
        ("Unemployed", 2, 0, 12),
        ("Tellers", 2, 0, 8),
    ]
    assert said(year.groups) == [("Food", 8, 0, 12), ("Not employed", 2, 0, 12), ("Banks", 2, 0, 8)]
    assert said([year.at_work]) == [("At work", 10, 0, 12)]  # 9.6 people; everybody is out of work in one future


def test_no_more_than_asked_are_named_and_the_rest_is_together(kitchen: Simulation) -> None:
    (group,) = counted(kitchen, ["all"] * 12, top=1)
    assert said(group.years[0].occupations) == [("Cooks", 5, 0, 8), ("All others", 7, None, None)]
    assert len(group.years[0].groups) == 3  # of which all are named


def test_less_than_one_person_is_in_no_place_of_its_own() -> None:
    rare = simulation([[[0.95, 0.05, 0, 0, 0]]] * 12, [[[COOK]]] * 12)
    (group,) = counted(rare, ["all"] * 12, top=8)
    assert said(group.years[0].occupations) == [("Cooks", 11, 12, 12), ("All others", 1, None, None)]


def test_labels_make_groups_in_the_order_in_which_they_come(kitchen: Simulation) -> None:
    labels = ["south"] * 3 + ["north"] * 5 + ["south"] * 4
    south, north = counted(kitchen, labels, top=8)
    assert [(each.group, each.people) for each in (south, north)] == [("south", 7), ("north", 5)]
    # Of the south, three were cooks and four waiters: 0.6 tellers are less than one person.
    assert said(south.years[0].occupations)[:2] == [("Waiters", 3, 0, 4), ("Cooks", 2, 0, 3)]
    assert "Tellers" not in [each.title for each in south.years[0].occupations]
    assert said(north.years[0].occupations)[0] == ("Cooks", 3, 0, 5)


def test_many_people_of_one_career_are_counted_no_more_finely_than_that_career() -> None:
    """Of 500, in parts of five: 301 cooks are 300, 194 waiters are 195, and four tellers are too few to be named."""
    alike = simulation([[[0.602, 0.388, 0.008, 0.002, 0]]] * 500, [[[COOK]]] * 7 + [[[WAITER]]] * 493)
    (group,) = count_groups(alike, [worker()] * 500, ["all"] * 500, top=8)
    assert said(group.years[0].occupations) == [
        ("Cooks", 300, 5, 10),
        ("Waiters", 195, 490, 495),
        ("All others", 5, None, None),
    ]
    assert said([group.years[0].at_work]) == [("At work", 500, 500, 500)]
    (by_person,) = counted(alike, ["all"] * 500, top=8)
    assert said(by_person.years[0].occupations)[:2] == [("Cooks", 301, 7, 7), ("Waiters", 194, 493, 493)]


@pytest.mark.parametrize(("alike", "others", "parts"), [(12, 0, 12), (100, 0, 100), (500, 0, 100), (200, 100, 150)])
def test_parts_are_people_or_hundredths_of_those_who_are_alike(alike: int, others: int, parts: int) -> None:
    assert parts_of([worker()] * alike + [worker(born) for born in range(others)]) == parts


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 15), st.integers(1, 6), st.integers(1, 8))
def test_everybody_is_somewhere_in_every_year(seed: int, people: int, draws: int, top: int) -> None:
    generator = np.random.default_rng(seed)
    share = generator.dirichlet(np.ones(len(TOWN)), size=(people, 2))
    drawn = generator.integers(len(TOWN), size=(people, draws, 2))
    labels = generator.choice(["north", "south"], size=people).tolist()
    found = counted(simulation(share.tolist(), drawn.tolist()), labels, top)
    assert sum(group.people for group in found) == people
    for group in found:
        for year in group.years:
            for places in (year.occupations, year.groups):
                assert sum(each.count for each in places) == group.people
                ranges = [(each.low, each.high) for each in places if each.low is not None and each.high is not None]
                assert all(0 <= low <= high <= group.people for low, high in ranges)
            assert len([each for each in year.occupations if each.low is not None]) <= top
            assert 0 <= year.at_work.count <= group.people
