"""A few numbers on what is known of a record before its occupation is."""

import numpy as np
import polars as pl

from laborllm.models.contract import Floats
from laborllm.models.counts.transition import FIRST, previous_and_current
from laborllm.panel import Panel


def training_records(panel: Panel) -> Floats:
    """How many records of split train each entry of the taxonomy has, (J,)."""
    columns = panel.taxonomy.columns(panel.subset("train").records["occupation"])
    return np.bincount(columns, minlength=len(panel.taxonomy)).astype(float)


def history_features(panel: Panel, seen: Floats) -> Floats:
    """What is known before each record, (n, 7).

    Whether it is a first record; log of one plus the records before it; years since the last one; log of the records
    in a row that had the last entry; whether that entry is a state; log of one plus how often it was seen, by `seen`,
    (J,); age. What a first record does not have is zero, an unknown age NaN.
    """
    previous, _ = previous_and_current(panel)
    first = previous == FIRST
    is_state = np.isin(panel.taxonomy.codes, panel.taxonomy.states)
    in_runs = panel.records.with_columns(run=pl.col("occupation").rle_id().over("worker"))
    known = in_runs.with_columns(tenure=pl.int_range(1, pl.len() + 1).over("worker", "run")).select(
        position=pl.int_range(pl.len()).over("worker").log1p(),
        gap=pl.col("year").diff().over("worker").fill_null(0),
        tenure=pl.col("tenure").shift().over("worker").fill_null(1).log(),
        age=pl.col("year") - pl.col("birth_year"),
    )
    last = [np.where(first, 0, of_entry[previous]) for of_entry in (is_state, np.log1p(seen))]
    return np.column_stack([first, *last, known.cast(pl.Float64).to_numpy()])
