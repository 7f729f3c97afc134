"""The shipped mapping files on the real NLSY extracts: nothing lost, nothing doubled. Skipped without them."""

from pathlib import Path

import polars as pl
import pyreadstat
import pytest

from laborllm.panel import Panel
from laborllm.sources import import_table

ROOT = Path(__file__).parents[2]
REGIONS = {"northeast", "northcentral", "south", "west"}
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
    expected = {"nlsy97": (7555, 123_545, 128_621), "nlsy79": (12_565, 160_807, 160_956)}
    assert (panel.workers, len(panel), panel.provenance.rows_in) == expected[name]


def test_what_is_left_out_is_what_the_raw_file_has(name: str, file: Path, panel: Panel) -> None:
    raw, _ = pyreadstat.read_dta(str(file), output_format="polars")
    left_out = dict(panel.provenance.left_out)
    assert left_out.pop("occupation code not in taxonomy") < 0.005 * raw.height
    if name == "nlsy97":
        assert left_out.pop("status unknown") == (raw["status"] == 4).sum()
        assert left_out.pop("occupation uncodable") == ((raw["status"] == 1) & (raw["occ2010"] == 9990)).sum()
    assert not left_out
    states = panel.records.filter(pl.col("occupation").is_in(["in_education", "not_working"]))
    counts = dict(states["occupation"].value_counts().iter_rows())
    assert counts == {"in_education": (raw["status"] == 2).sum(), "not_working": (raw["status"] == 3).sum()}


def test_texts(panel: Panel) -> None:
    records = panel.records
    assert set(records["gender"]) == {"male", "female"}
    assert {"white", "black or african american", "hispanic"} <= set(records["ethnicity"])
    assert set(records["region"].drop_nulls()) == REGIONS
    assert set(records["education"].drop_nulls()) == EDUCATION
    assert panel.taxonomy.codes[-2:] == ("in_education", "not_working")


def test_both_cohorts_share_one_taxonomy() -> None:
    folder = ROOT.parent / "shared" / "data"
    files = {name: folder / name / f"{name}.dta" for name in ("nlsy97", "nlsy79")}
    if not all(path.is_file() for path in files.values()):
        pytest.skip("the NLSY extracts are not here")
    first, second = (import_table(path, ROOT / "examples" / f"{name}.yaml") for name, path in files.items())
    assert first.taxonomy == second.taxonomy
