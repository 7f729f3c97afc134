"""Draws of workers and windows of careers, as the versions of a panel are made of them."""

from typing import Literal

import numpy as np
import polars as pl

COPY, WINDOW = "#", "|"  # stand in names of workers before the number of a copy, and before the year of a window


def resample_training(records: pl.DataFrame, by: str, *, seed: int) -> pl.DataFrame:
    """Draw the values of `by` in split train with replacement; the copies of a worker have names of their own.

    Args:
        records: Of a panel.
        by: Column whose values are drawn, such as household; a worker without one is drawn by herself.
        seed: Of the draw.
    """
    train, others = records.filter(split="train"), records.filter(pl.col("split") != "train")
    drawn_by = pl.coalesce(pl.col(by).cast(pl.String), "worker")
    units = train.select(drawn_by.alias("_unit"))["_unit"].unique().sort()
    chosen = np.random.default_rng(seed).integers(len(units), size=len(units))
    times = pl.DataFrame({"_unit": units[chosen.tolist()]}).group_by("_unit").len("_times")
    copies = times.with_columns(_copy=pl.int_ranges(pl.col("_times"))).explode("_copy").drop("_times")
    drawn = train.with_columns(_unit=drawn_by).join(copies, on="_unit")
    name = pl.when(pl.col("_copy") > 0).then(pl.format("{}" + COPY + "{}", "worker", "_copy")).otherwise("worker")
    return pl.concat([others, drawn.with_columns(worker=name).select(records.columns)])


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
