"""A bootstrap of the people a model learns from: training households, or workers, drawn with replacement."""

import numpy as np
import polars as pl

COPY = "#"  # stands in names of workers before the number of a copy


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
