"""Folds of workers and windows of careers, as the versions of a panel are made of them."""

from typing import Literal

import polars as pl

WINDOW = "|"  # stands in names of workers before the year of a window


def recent_windows(records: pl.DataFrame, last: int, unit: Literal["records", "years"]) -> pl.DataFrame:
    """The records before each record that count, and itself: a career named by its worker and the record's year.

    Args:
        records: Records of any panel.
        last: How many records, or years, before a record count.
        unit: Whether `last` counts records or years.
    """
    numbered = records.with_columns(_place=pl.int_range(pl.len()).over("worker", order_by="year"))
    targets = numbered.select("worker", pl.col("year").alias("_of"), pl.col("_place").alias("_until"))
    pairs = numbered.join(targets, on="worker").filter(pl.col("year") <= pl.col("_of"))
    recent = pl.col("_until") - pl.col("_place") if unit == "records" else pl.col("_of") - pl.col("year")
    named = pl.format("{}" + WINDOW + "{}", "worker", "_of").alias("worker")
    return pairs.filter(recent <= last).with_columns(named).select(records.columns)
