"""What holds of any panel on disk: its own columns, its split and its people are those of the panel in memory."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from laborllm.models.contract import Fitted
from laborllm.panel import Panel, assign_split
from laborllm.panel.files.store import PanelFile
from laborllm.storage import temporary_folder

FEW = settings(max_examples=10)
SEEDS = st.integers(0, 2**32 - 1)


@FEW
@given(seed=SEEDS, records=st.integers(1, 200))
def test_own_columns_of_every_kind_come_back_from_a_file(panel: Panel, seed: int, records: int) -> None:
    generator = np.random.default_rng(seed)
    known = pl.Series("known", generator.random(len(panel)) < 0.8)
    drawn = pl.DataFrame(
        {
            "text": generator.integers(9, size=len(panel)).astype(str),
            "whole": generator.integers(-9, 9, size=len(panel)),
            "wage": generator.normal(size=len(panel)),
            "flag": generator.random(len(panel)) < 0.5,
        }
    )
    columns = drawn.select(pl.when(known).then(pl.all())).get_columns()
    own = replace(panel, records=panel.records.with_columns(columns))
    with temporary_folder() as folder:
        own.save(folder / "panel.parquet")
        read = PanelFile.open(folder / "panel.parquet")
        parts = [part.records for part in read.portions(records)]
        assert_frame_equal(pl.concat(parts), own.records)
        assert read.fingerprint == own.fingerprint != panel.fingerprint
        assert Panel.load(folder / "panel.parquet").columns == ("flag", "text", "wage", "whole")


@FEW
@given(seed=SEEDS, size=st.integers(1, 5))
def test_households_are_never_split_and_strangers_move_nobody(panel: Panel, seed: int, size: int) -> None:
    number = pl.col("worker").str.slice(1).cast(pl.Int64)
    housed = panel.records.drop("split").with_columns(household=number // size)
    drawn = assign_split(housed, seed=seed, by="household")
    assert drawn.group_by("household").agg(pl.col("split").n_unique())["split"].max() == 1
    some = housed.filter(number % 2 == 0)
    again = assign_split(some, seed=seed, by="household")
    assert_frame_equal(again, drawn.filter(number % 2 == 0))
    assert replace(panel, records=drawn, split_by="household").workers == panel.workers


@FEW
@given(records=st.integers(1, 200))
def test_forecasts_of_portions_are_those_of_the_whole(counts: Fitted, panel: Panel, records: int) -> None:
    whole = counts.forecast(panel)
    parts = [counts.forecast(part) for part in panel.portions(records)]
    np.testing.assert_array_equal(np.concatenate([part.log_prob for part in parts]), whole.log_prob)
    assert_frame_equal(pl.concat([part.records for part in parts]), whole.records)


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_splits_of_a_file_are_those_of_the_panel(panel: Panel, split: str) -> None:
    with temporary_folder() as folder:
        panel.save(folder / "panel.parquet")
        read = PanelFile.open(folder / "panel.parquet").select(split)
        assert_frame_equal(pl.concat([part.records for part in read.portions(7)]), panel.subset(split).records)
        assert read.held_out == panel.subset(split).held_out
