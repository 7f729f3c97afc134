"""How many people a model learnt from were in each occupation: counted by hand, in fives, and not below ten."""

import json
from pathlib import Path

import polars as pl
import pytest

import laborllm as ll
from laborllm.models.runs.people import count_people
from laborllm.models.runs.run_folder import FILE, read_run
from laborllm.models.runs.shipped import SHIPPED
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.privacy import SMALLEST_CELL
from laborllm.storage import MARKER

JOBS = [("1", "Cooks", "Food"), ("2", "Waiters", "Food"), ("3", "Bakers", "Food"), ("4", "Tellers", "Banks")]
TOWN = Taxonomy.from_occupations("town", JOBS).with_states(["unemployed"])


def panel_of(**careers: int) -> Panel:
    """A panel of careers, each written as its codes year by year (u: unemployed), and how many people have it."""
    rows = [
        {"worker": f"{career}{number}", "year": 2000 + at, "occupation": "unemployed" if code == "u" else code}
        for career, people in careers.items()
        for number in range(people)
        for at, code in enumerate(career.removeprefix("_"))
    ]
    return Panel(pl.DataFrame(rows).with_columns(split=pl.lit("train")), TOWN, "TOWN", Provenance("test"))


def test_each_person_counts_once_in_every_occupation_of_a_career() -> None:
    found = count_people(panel_of(_11=23, _12=14, _2u=31, _44=11))
    assert found["occupation"] == {"1": 35, "2": 45, "4": 10, "unemployed": 30}  # 37, 45, 11 and 31 people
    assert found["group"] == {"Food": 70, "Banks": 10, "Not employed": 30}  # 68, 11 and 31


@pytest.mark.parametrize(
    ("careers", "shown"),
    [
        ({"_1": 40, "_2": 9, "_3": 9}, {"1"}),  # the two hold eighteen people together
        ({"_1": 40, "_2": 5, "_3": 20}, {"1"}),  # five alone would follow from the group: the next one goes too
        ({"_1": 40, "_2": 12, "_4": 9, "_u": 20}, {"1", "2"}),  # the group of nine, and a second one with it
    ],
)
def test_what_is_small_or_would_tell_it_is_left_out(careers: dict[str, int], shown: set[str]) -> None:
    found = count_people(panel_of(**careers))
    assert found["occupation"].keys() == shown
    assert all(number >= SMALLEST_CELL and number % 5 == 0 for number in found["occupation"].values())


def test_a_group_that_is_left_out_takes_its_occupations_with_it() -> None:
    found = count_people(panel_of(_1=40, _4=4, _u=20))
    assert found == {"occupation": {"1": 40}, "group": {"Food": 40}}


def test_a_run_keeps_them_and_one_without_them_still_loads(tmp_path: Path) -> None:
    fitted = ll.fit("transition", ll.import_synthetic(400), out=tmp_path / "run")
    assert read_run(tmp_path / "run").record.people == fitted.record.people
    assert fitted.record.people["occupation"]
    outputs = json.loads((tmp_path / "run" / "disclosure.json").read_text())["files"][FILE]
    assert {each["name"]: each["status"] for each in outputs}["people by occupation"] == "pass"
    said = json.loads((tmp_path / "run" / FILE).read_text())
    del said["record"]["people"]
    (tmp_path / "run" / FILE).write_text(json.dumps(said))
    (tmp_path / "run" / MARKER).write_text(json.dumps({"sha256": {}}))
    assert read_run(tmp_path / "run").record.people == {}


def test_the_model_that_comes_along_has_them() -> None:
    record = read_run(SHIPPED / "nlsy").record
    for counts in record.people.values():
        assert all(SMALLEST_CELL <= number <= record.workers and number % 5 == 0 for number in counts.values())
    assert set(record.people["occupation"]) <= set(record.taxonomy.codes)
    assert set(record.people["group"]) <= set(record.taxonomy.groups)
    assert len(record.people["occupation"]) > 300
