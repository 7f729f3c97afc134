"""The panel: every bad row is named, and what is stored comes back."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import PanelError
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.panel.schema import SCHEMA

TAXONOMY = Taxonomy.from_occupations("small", [("4", "Chief executives", "A"), ("276", "Cashiers", "B")]).with_states(
    ["in_education"]
)
ABOUT = Provenance("made up", {"careers.csv": "00"}, rows_in=9, left_out={"no occupation": 3}, notes={"unit": "year"})


def record(worker: str = "a", year: int | None = 2000, **more: Any) -> dict[str, Any]:
    return {"worker": worker, "year": year, "occupation": "276", "split": "train"} | more


def panel(*records: dict[str, Any]) -> Panel:
    return Panel(pl.DataFrame(list(records), infer_schema_length=None), TAXONOMY, "made-up", ABOUT)


careers = st.lists(
    st.fixed_dictionaries(
        {
            "worker": st.sampled_from(["a", "b", "ü", "10"]),
            "year": st.integers(1968, 2021),
            "occupation": st.sampled_from(TAXONOMY.codes),
            "education": st.none() | st.sampled_from(["high school", "college"]),
            "region": st.none() | st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=5),
            "weight": st.none() | st.floats(0, 1e6),
        }
    ),
    min_size=1,
    unique_by=lambda row: (row["worker"], row["year"]),
)


@given(rows=careers)
def test_records_are_sorted_and_round_trip(
    rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = panel(*(row | {"split": "valid" if row["worker"] == "a" else "test"} for row in rows))
    assert made.records.schema == pl.Schema(SCHEMA)
    keys = list(made.records.select("worker", "year").iter_rows())
    assert keys == sorted(keys, key=lambda key: (key[0].encode(), key[1]))
    assert len(made) == len(rows)

    path = tmp_path_factory.mktemp("panel") / "panel.parquet"
    made.save(path)
    loaded = Panel.load(path)
    assert loaded.records.equals(made.records)
    assert (loaded.taxonomy, loaded.dataset, loaded.provenance) == (TAXONOMY, "made-up", ABOUT)
    assert loaded.fingerprint == made.fingerprint


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (record(year=None), "year is missing"),
        (record(split=None), "split is missing"),
        (record(occupation="999"), "occupation is not in taxonomy small"),
        (record(split="holdout"), "split is not one of train, valid, test"),
        (record(year=1899), "year is outside 1900-2100"),
        (record(birth_year=2001), "birth_year is after the year of the record"),
        (record(weight=-1.0), "weight is negative or not finite"),
        (record(weight=float("nan")), "weight is negative or not finite"),
    ],
)
def test_bad_row_is_named(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(PanelError, match=f"^row 3: {message}$"):
        panel(record("b", 2001), record("b", 2002), bad)


def test_missing_worker_is_named() -> None:
    with pytest.raises(PanelError, match=r"^row 2: worker is missing$"):
        panel(record(), record() | {"worker": None})


def test_doubled_year_is_counted() -> None:
    with pytest.raises(PanelError, match=r"^row 2: the same .* occur twice; 4 rows in all$"):
        panel(record("b"), record(), record(), record("c"), record("c"))


@pytest.mark.parametrize(
    ("column", "first", "second"),
    [
        ("gender", "female", "male"),
        ("ethnicity", "black", "white"),
        ("birth_year", 1950, 1951),
        ("split", "train", "test"),
    ],
)
def test_what_is_fixed_over_a_life_must_not_change(column: str, first: object, second: object) -> None:
    with pytest.raises(PanelError, match=f"^row 2: {column} differs between records of one worker; 2 rows in all$"):
        panel(record("b"), record(year=2000) | {column: first}, record(year=2001) | {column: second})


def test_what_is_fixed_over_a_life_may_be_missing_in_a_record() -> None:
    made = panel(record(gender="female"), record(year=2001, gender=None))
    assert made.records["gender"].to_list() == ["female", None]


def test_columns_are_checked() -> None:
    with pytest.raises(PanelError, match="no column 'split'"):
        panel({"worker": "a", "year": 2000, "occupation": "276"})
    with pytest.raises(PanelError, match="a column has the wrong type"):
        panel(record() | {"year": "two thousand"})
    with pytest.raises(PanelError, match="the panel is empty"):
        Panel(panel(record()).records.clear(), TAXONOMY, "made-up", ABOUT)


def test_a_label_that_no_text_of_a_career_has_room_for() -> None:
    records = panel(record()).records
    assert Panel(records, TAXONOMY, "x" * 200, ABOUT).dataset == "x" * 200
    with pytest.raises(PanelError, match=r"the label of the dataset has 1,000,000 letters, .*: give it at most 200"):
        Panel(records, TAXONOMY, "x" * 10**6, ABOUT)


def test_subset_and_sample() -> None:
    splits = {"a": "train", "b": "test", "c": "train", "d": "test", "e": "train", "f": "test"}
    made = panel(*(record(worker, year, split=splits[worker]) for worker in splits for year in (2001, 2002)))
    assert made.subset("test").records["worker"].unique().sort().to_list() == ["b", "d", "f"]
    drawn = made.sample(4, seed=1)
    assert (drawn.workers, len(drawn)) == (4, 8)
    assert drawn.fingerprint == made.sample(4, seed=1).fingerprint != made.sample(4, seed=2).fingerprint
    assert made.sample(99, seed=1).fingerprint == made.fingerprint
    with pytest.raises(PanelError, match="unknown split 'dev'"):
        made.subset("dev")
    with pytest.raises(PanelError, match="no worker of the panel is in split valid"):
        made.subset("valid")


def test_fingerprint_depends_on_content_not_on_order() -> None:
    rows = [record("a"), record("b"), record("c")]
    prints = [panel(*rows).fingerprint, panel(*rows[::-1]).fingerprint, panel(*rows[:2]).fingerprint]
    assert prints[0] == prints[1] != prints[2]
    other = Panel(panel(*rows).records, TAXONOMY.with_states(["unemployed"]), "made-up", ABOUT)
    assert other.fingerprint != prints[0]


def test_file_that_is_no_panel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PanelError, match="no panel file at"):
        Panel.load(tmp_path / "nowhere.parquet")
    (tmp_path / "text.parquet").write_text("worker,year\n")
    with pytest.raises(PanelError, match="is not a Parquet file"):
        Panel.load(tmp_path / "text.parquet")
    pl.DataFrame({"worker": ["a"]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(PanelError, match="is a Parquet file but not a panel"):
        Panel.load(tmp_path / "other.parquet")


def test_torn_panel_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "panel.parquet"
    panel(record()).save(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(PanelError, match="is not a Parquet file"):
        Panel.load(path)
