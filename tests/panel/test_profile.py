"""The profile of a panel, against plain loops; and what it withholds cannot be worked out from what it shows."""

import random
from collections import defaultdict
from itertools import pairwise

import polars as pl
import pytest

from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.panel.profile import group_transitions, records_by_year, states_by_age
from laborllm.privacy import SMALLEST_CELL

OCCUPATIONS = [("A", "Bakers", "Food"), ("B", "Cooks", "Food"), ("C", "Mayors", "Office"), ("D", "Poets", "Art")]
TAXONOMY = Taxonomy.from_occupations("jobs", OCCUPATIONS).with_states(["unemployed", "in_education"])
GROUP = {
    "A": "Food",
    "B": "Food",
    "C": "Office",
    "D": "Art",
    "unemployed": "Unemployed",
    "in_education": "In education",
}
COMMON = (8, 6, 4, 1, 2, 2)  # how often each occupation is drawn

Cells = dict[tuple[object, object], list[str]]  # cell -> the worker of each of its records


def _panel(seed: int) -> Panel:
    """Ninety workers with two to five records each; some have no year of birth."""
    draw = random.Random(seed)
    rows = []
    for worker in range(90):
        birth_year = draw.choice([None, 1980, 1981, 1982])
        for year in sorted(draw.sample(range(2000, 2006), draw.randint(2, 5))):
            [code] = draw.choices(TAXONOMY.codes, COMMON)
            rows.append((str(worker), year, code, "train", birth_year))
    names = ["worker", "year", "occupation", "split", "birth_year"]
    return Panel(pl.DataFrame(rows, names, orient="row"), TAXONOMY, "OWN", Provenance("made up"))


@pytest.fixture(scope="module", params=range(5))
def panel(request: pytest.FixtureRequest) -> Panel:
    return _panel(request.param)


def _activity(code: str) -> str:
    return GROUP[code] if code in TAXONOMY.states else "Employed"


def _large(cells: Cells) -> Cells:
    return {cell: workers for cell, workers in cells.items() if len(set(workers)) >= SMALLEST_CELL}


def test_records_by_year(panel: Panel) -> None:
    cells: Cells = defaultdict(list)
    for worker, year, code in panel.records.select("worker", "year", "occupation").iter_rows():
        cells[year, _activity(code)].append(worker)
    shown = records_by_year(panel)
    for year, activity, workers, records in shown.iter_rows():
        assert (workers, records) == (len(set(cells[year, activity])), len(cells[year, activity]))
    assert set(shown.select("year", "activity").iter_rows()) <= set(_large(cells))
    _assert_none_alone(cells, set(shown.select("year", "activity").iter_rows()), within=1)


def test_states_by_age(panel: Panel) -> None:
    cells: Cells = defaultdict(list)
    for row in panel.records.iter_rows(named=True):
        if row["birth_year"] is not None:
            cells[row["year"] - row["birth_year"], _activity(row["occupation"])].append(row["worker"])
    shown = {(age, state): (workers, share) for age, state, workers, share in states_by_age(panel).iter_rows()}
    assert set(shown) <= {cell for cell in _large(cells) if cell[1] != "Employed"}
    for (age, state), (workers, share) in shown.items():
        total = sum(len(found) for cell, found in cells.items() if cell[0] == age)
        assert (workers, share) == (len(set(cells[age, state])), len(cells[age, state]) / total)


def test_group_transitions(panel: Panel) -> None:
    cells: Cells = defaultdict(list)
    careers = panel.records.group_by("worker").agg("occupation")
    for worker, codes in careers.iter_rows():
        for before, after in pairwise(codes):
            cells[GROUP[before], GROUP[after]].append(worker)
    shown = {(group, after): (workers, share) for group, after, workers, share in group_transitions(panel).iter_rows()}
    assert set(shown) <= set(_large(cells))
    for (group, after), (workers, share) in shown.items():
        total = sum(len(found) for cell, found in cells.items() if cell[0] == group)
        assert (workers, share) == (len(set(cells[group, after])), len(cells[group, after]) / total)
    _assert_none_alone(cells, set(shown), within=0)


def _assert_none_alone(cells: Cells, shown: set[tuple[object, object]], *, within: int) -> None:
    """Of the cells that add up to one total, none or at least two are missing (or all there are)."""
    for total in {cell[within] for cell in cells}:
        parts = [cell for cell in cells if cell[within] == total]
        assert sum(cell not in shown for cell in parts) != 1 or len(parts) == 1


def test_groups_come_in_the_order_of_the_taxonomy(panel: Panel) -> None:
    groups = group_transitions(panel)["group"].unique(maintain_order=True).to_list()
    assert groups == [group for group in dict.fromkeys(GROUP.values()) if group in groups]


def test_a_panel_without_states_or_years_of_birth() -> None:
    rows = [(str(worker), year, "A", "train") for worker in range(12) for year in (2000, 2001)]
    records = pl.DataFrame(rows, ["worker", "year", "occupation", "split"], orient="row")
    panel = Panel(records, Taxonomy.from_occupations("jobs", OCCUPATIONS), "OWN", Provenance("made up"))
    assert records_by_year(panel).rows() == [(2000, "Employed", 12, 12), (2001, "Employed", 12, 12)]
    assert states_by_age(panel).is_empty()
    assert group_transitions(panel).rows() == [("Food", "Food", 12, 1.0)]
