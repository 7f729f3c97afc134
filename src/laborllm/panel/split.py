"""Train, validation and test: a worker's split depends only on the seed and on the worker, or her household.

Folds of cross-validation, and draws of workers with and without replacement, are here too.
"""

import hashlib
from collections.abc import Iterable

import numpy as np
import polars as pl

from laborllm.errors import PanelError

SHARES = {"train": 0.7, "valid": 0.1, "test": 0.2}
"""Shares of workers, as in LABOR-LLM (arXiv 2406.17972)."""

COPY = "#"  # stands in names of workers before the number of a copy


def assign_split(records: pl.DataFrame, *, seed: int = 0, by: str = "worker") -> pl.DataFrame:
    """Add the column `split`. Adding or removing other workers moves nobody from one split to another.

    Args:
        records: Worker and `by`, n rows.
        seed: Draws another split.
        by: Column whose values are never split, such as a household; a worker without one is drawn by herself.

    Raises:
        PanelError: There is no such column, or it differs between records of one worker.
    """
    if by not in records.columns:
        known = ", ".join(records.columns)
        raise PanelError(f"the split is to be by {by!r}, and the records have no such column: use one of {known}")
    workers = records.group_by("worker", maintain_order=True).agg(pl.col(by).drop_nulls().unique().alias("_drawn"))
    several = workers.filter(pl.col("_drawn").list.len() > 1).height
    if several:
        raise PanelError(
            f"{by} differs between records of one worker, for {several:,} workers, so no split can be by it: split by "
            "worker, or another column"
        )
    names = workers.select(pl.coalesce(pl.col("_drawn").list.first().cast(pl.String), "worker")).to_series()
    splits = workers.select("worker", pl.Series("split", [split_of(name, seed) for name in names], pl.String))
    return records.join(splits, on="worker", how="left", maintain_order="left")


def held_out(parts: Iterable[pl.DataFrame]) -> str:
    """SHA-256 of the workers in split test.

    Args:
        parts: Worker and split of records in the order of their workers, some records at a time.
    """
    digest, last = hashlib.sha256(), None
    for part in parts:
        for name in part.filter(pl.col("split") == "test")["worker"].unique().sort():
            if name != last:
                digest.update((name if last is None else f"\n{name}").encode())
                last = name
    return digest.hexdigest()


def draw_workers(names: pl.Series, workers: int, *, seed: int) -> pl.Series:
    """Draw workers without replacement.

    Args:
        names: Whom to draw from.
        workers: How many; all of them if there are no more.
        seed: Decides which.

    Returns:
        The names drawn.

    Raises:
        PanelError: Fewer than one worker is to be drawn.
    """
    if workers < 1:
        raise PanelError(f"cannot draw {workers} workers: at least 1 is needed")
    return names.sample(min(workers, len(names)), seed=seed)


def resample_training(records: pl.DataFrame, by: str, *, seed: int) -> pl.DataFrame:
    """Draw the values of `by` in split train with replacement; the copies of a worker have names of their own.

    Args:
        records: Of a panel.
        by: Column whose values are drawn, such as household; a worker without one is drawn by herself.
        seed: Of the draw.
    """
    train, others = records.filter(split="train"), records.filter(pl.col("split") != "train")
    units = train.select(_unit=unit_of(by))["_unit"].unique().sort()
    chosen = np.random.default_rng(seed).integers(len(units), size=len(units))
    times = pl.DataFrame({"_unit": units[chosen.tolist()]}).group_by("_unit").len("_times")
    copies = times.with_columns(_copy=pl.int_ranges(pl.col("_times"))).explode("_copy").drop("_times")
    drawn = train.with_columns(_unit=unit_of(by)).join(copies, on="_unit")
    name = pl.when(pl.col("_copy") > 0).then(pl.format("{}" + COPY + "{}", "worker", "_copy")).otherwise("worker")
    return pl.concat([others, drawn.with_columns(worker=name).select(records.columns)])


def empty_split(split: str) -> PanelError:
    """What is raised where no worker is in a split, as happens in a panel of few people."""
    return PanelError(
        f"no worker of the panel is in split {split}: fitting and evaluating take more people than this; few of them "
        "can be forecast all the same, by a model that was fitted on others"
    )


def default_split(records: pl.DataFrame) -> str:
    """The column a split is by unless another is asked for: household where one is known, otherwise worker."""
    known = "household" in records.columns and records["household"].count() > 0
    return "household" if known else "worker"


def split_of(worker: str, seed: int) -> str:
    """The split of one worker, or household: a uniform number from a hash of seed and name, cut at the shares."""
    digest = hashlib.blake2b(f"{seed}:{worker}".encode(), digest_size=8).digest()
    uniform = int.from_bytes(digest) / 2**64
    if uniform < SHARES["train"]:
        return "train"
    return "valid" if uniform < SHARES["train"] + SHARES["valid"] else "test"


def unit_of(by: str) -> pl.Expr:
    """What is drawn, or divided, as one: the value of a column such as household, or the worker without one."""
    return pl.coalesce(pl.col(by).cast(pl.String), "worker")


def folds_of(records: pl.DataFrame, by: str, *, seed: int, folds: int) -> pl.Series:
    """The fold of each record, 0, 1, ..., folds - 1, which depends only on the seed and on the value of `by`.

    Args:
        records: Worker and `by`, n rows.
        by: Column whose values are never divided, such as a household; a worker without one is drawn by herself.
        seed: Draws other folds.
        folds: How many there are.
    """
    units = records.select(unit_of(by)).to_series()
    drawn = {unit: fold_of(unit, seed, folds) for unit in units.unique()}
    return units.replace_strict(drawn, return_dtype=pl.Int64).rename("fold")


def fold_of(unit: str, seed: int, folds: int) -> int:
    """The fold of one household, or worker, by a hash of its name and the seed: 0, 1, ..., folds - 1.

    Args:
        unit: Name of the household, or worker.
        seed: Draws other folds.
        folds: How many there are.
    """
    digest = hashlib.blake2b(f"fold:{seed}:{unit}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % folds
