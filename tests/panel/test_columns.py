"""The user's own columns ride along, whole and typed, through all that makes one panel of another."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from laborllm.errors import PanelError
from laborllm.occupations import Taxonomy
from laborllm.panel import Addition, Panel, Provenance, assign_split, default_split, mix
from laborllm.text import Template, render

TAXONOMY = Taxonomy.from_occupations("small", [("4", "Chief executives", "A"), ("276", "Cashiers", "B")])
OWN = {"household": pl.Int64(), "industry": pl.String(), "union": pl.Boolean(), "wage": pl.Float64()}
WORDS = ("Fishing", "1234.5")


def rows() -> pl.DataFrame:
    """Twelve workers in six households, three records each; what is not known is null, or not a number."""
    return pl.DataFrame(
        {
            "worker": f"w{worker:02}",
            "year": 2000 + step,
            "occupation": TAXONOMY.codes[(worker + step) % 2],
            "split": "train" if worker < 8 else "test",
            "household": worker // 2,
            "industry": WORDS[0] if step else None,
            "union": worker % 2 == 0,
            "wage": 1234.5 if step else float("nan"),
        }
        for worker in range(12)
        for step in range(3)
    )


def panel_of(records: pl.DataFrame, **more: Any) -> Panel:
    return Panel(records, TAXONOMY, "OWN", Provenance("made up"), **more)


@pytest.fixture
def panel() -> Panel:
    return panel_of(rows())


def test_columns_keep_their_types_and_values(panel: Panel, tmp_path: Path) -> None:
    assert panel.columns == ("household", "industry", "union", "wage")
    assert panel.records.select(panel.columns).schema == pl.Schema(OWN)
    assert panel.records["wage"].to_list() == [None, 1234.5, 1234.5] * 12
    panel.save(tmp_path / "panel.parquet")
    assert Panel.load(tmp_path / "panel.parquet").records.equals(panel.records)


def test_columns_count_in_the_fingerprint(panel: Panel) -> None:
    raised = panel_of(rows().with_columns(pl.col("wage") + 1))
    bare = panel_of(rows().drop("wage"))
    assert len({panel.fingerprint, raised.fingerprint, bare.fingerprint}) == 3
    assert panel_of(rows().select(reversed(rows().columns))).fingerprint == panel.fingerprint


def test_selections_and_open_records_keep_them(panel: Panel) -> None:
    for part in (panel.subset("test"), panel.sample(3, seed=0), panel.with_training(4, seed=0), panel.observed()):
        assert part.columns == panel.columns
        assert part.records.join(panel.records, on=["worker", "year"], how="semi").equals(part.records)
    last = panel.open(years=[2010]).records.filter(pl.col("year") == 2010)
    assert last["household"].to_list() == [worker // 2 for worker in range(12)]


def test_a_pool_keeps_the_columns_of_all(panel: Panel) -> None:
    other = Panel(rows().drop("wage").with_columns(town=pl.lit("Bree")), TAXONOMY, "OTHER", Provenance("made up"))
    pooled = mix(panel, [Addition(other)], seed=0)
    assert pooled.columns == ("household", "industry", "town", "union", "wage")
    added = pooled.records.filter(pl.col("dataset") == "OTHER")
    assert added["wage"].null_count() == added.height == 24
    assert set(added["town"]) == {"Bree"}
    words = Panel(rows().with_columns(pl.col("wage").cast(pl.String)), TAXONOMY, "WORDS", Provenance("made up"))
    with pytest.raises(PanelError, match="column 'wage' is Float64 in OWN and String in WORDS"):
        mix(panel, [Addition(words)], seed=0)


def test_no_text_holds_them(panel: Panel) -> None:
    bare = [career.text for career in render(panel_of(rows().drop(OWN)), Template())]
    assert [career.text for career in render(panel, Template())] == bare
    assert not any(word in text for word in WORDS for text in bare)


def test_what_a_panel_cannot_keep_is_refused() -> None:
    with pytest.raises(PanelError, match=r"column 'hired' is Date: a panel keeps text, integers, numbers, and true or"):
        panel_of(rows().with_columns(hired=pl.lit(date(2000, 1, 1))))
    with pytest.raises(PanelError, match=r"a column cannot be called 'wage\\n': its name must be a plain line"):
        panel_of(rows().rename({"wage": "wage\n"}))


def test_a_household_is_never_split() -> None:
    records = pl.DataFrame(
        {"worker": [f"w{worker}" for worker in range(900)], "household": [worker // 3 for worker in range(900)]}
    ).with_columns(pl.when(pl.col("household") < 290).then("household"))
    drawn = assign_split(records, seed=1, by="household")
    known = drawn.drop_nulls("household")
    assert known.group_by("household").agg(pl.col("split").n_unique())["split"].unique().to_list() == [1]
    assert set(known["split"]) == {"train", "valid", "test"}
    alone = drawn.filter(pl.col("household").is_null())
    assert alone["split"].to_list() == assign_split(alone.select("worker"), seed=1)["split"].to_list()


def test_a_split_is_by_household_where_one_is_known() -> None:
    assert default_split(rows()) == "household"
    assert default_split(rows().drop("household")) == "worker"
    assert default_split(rows().with_columns(household=pl.lit(None, pl.Int64))) == "worker"
    assert default_split(rows().with_columns(household=pl.when(pl.col("worker") == "w03").then(1))) == "household"


def test_a_split_by_household_needs_one_household_a_worker() -> None:
    with pytest.raises(PanelError, match="the split is to be by 'family', and the records have no such column"):
        assign_split(rows(), by="family")
    moved = rows().with_columns(household=pl.when(pl.col("worker") == "w03").then("year").otherwise("household"))
    with pytest.raises(PanelError, match="household differs between records of one worker, for 1 workers"):
        assign_split(moved, by="household")


def test_the_panel_says_what_its_split_keeps_whole(panel: Panel, tmp_path: Path) -> None:
    assert panel.split_by == "worker"
    by_household = panel_of(rows(), split_by="household")
    by_household.subset("test").save(tmp_path / "panel.parquet")
    assert Panel.load(tmp_path / "panel.parquet").split_by == "household"
    apart = rows().with_columns(split=pl.when(pl.col("worker") == "w00").then(pl.lit("test")).otherwise("split"))
    message = r"^row 1: split differs between workers of one household; 6 rows in all$"
    with pytest.raises(PanelError, match=message):
        panel_of(apart, split_by="household")
    with pytest.raises(PanelError, match="the split is by 'household', and the records have no such column"):
        panel_of(rows().drop("household"), split_by="household")
