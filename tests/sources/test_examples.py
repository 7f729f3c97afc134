"""The shipped mapping files on the real NLSY extracts: nothing lost, nothing doubled. Skipped without them."""

from pathlib import Path

import pyreadstat
import pytest

from laborllm.occupations import load_taxonomy
from laborllm.panel import Panel, coarsen
from laborllm.sources import import_table

ROOT = Path(__file__).parents[2]
REGIONS = {"northeast", "northcentral", "south", "west"}
STATES = {  # code in the panel -> value of the column status
    "nlsy97": {"in_education": 2, "not_working": 3},
    "nlsy79": {"unemployed": 3, "not_in_labor_force": 4, "in_education": 2},
}
EDUCATION = {"less than high school", "high school", "some college", "college", "graduate degree"}


@pytest.fixture(scope="module", params=["nlsy97", "nlsy79"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def file(name: str) -> Path:
    path = ROOT.parent / "shared" / "data" / name / f"{name}.dta"
    if not path.is_file():
        pytest.skip(f"{name}.dta is not here")
    return path


@pytest.fixture(scope="module")
def panel(name: str, file: Path) -> Panel:
    return import_table(file, ROOT / "examples" / f"{name}.yaml")


def test_counts(name: str, panel: Panel) -> None:
    expected = {"nlsy97": (7555, 123_641, 128_621), "nlsy79": (12_216, 147_394, 160_956)}
    assert (panel.workers, len(panel), panel.provenance.rows_in) == expected[name]


def test_what_is_left_out_is_what_the_raw_file_has(name: str, file: Path, panel: Panel) -> None:
    raw, _ = pyreadstat.read_dta(str(file), output_format="polars")
    left_out = dict(panel.provenance.left_out)
    assert left_out.pop("occupation code not in taxonomy") < 0.005 * raw.height
    status = raw["status"]
    if name == "nlsy97":
        assert left_out.pop("status unknown") == (status == 4).sum()
        assert left_out.pop("occupation uncodable") == ((status == 1) & (raw["occ2010"] == 9990)).sum()
    else:
        assert left_out.pop("armed forces") == (status == 5).sum()
        assert left_out.pop("status unknown") == (status == 6).sum()
        assert left_out.pop("occupation missing") == ((status == 1) & raw["occ1980"].is_null()).sum()
    assert not left_out
    occupation = panel.records["occupation"]
    for state, value in STATES[name].items():
        assert (occupation == state).sum() == (status == value).sum()


def test_texts(name: str, panel: Panel) -> None:
    records = panel.records
    assert set(records["gender"]) == {"male", "female"}
    assert {"white", "black or african american", "hispanic"} <= set(records["ethnicity"])
    assert set(records["region"].drop_nulls()) == REGIONS
    assert set(records["education"].drop_nulls()) == EDUCATION
    assert panel.taxonomy.states == tuple(STATES[name])


def test_the_cohorts_meet_over_the_states_of_the_coarser(name: str, file: Path, panel: Panel) -> None:
    raw, _ = pyreadstat.read_dta(str(file), output_format="polars")
    found = coarsen(panel, ["in_education", "not_working"])
    idle = raw["status"].is_in([value for state, value in STATES[name].items() if state != "in_education"])
    assert (found.records["occupation"] == "not_working").sum() == idle.sum()
    assert found.taxonomy == load_taxonomy("occ1990dd").with_states(["in_education", "not_working"])
