"""Jobs in parts of whole workers, each small enough for memory."""

from pathlib import Path

import polars as pl

JOBS_PER_PART = 500_000
JOBS_TOGETHER = 8_000_000  # shared out among the parts at a time: of many parts, Polars holds them all in memory
SAMPLED = 64  # one worker in this many is sampled to find the bounds of the parts


def split_by_worker(rows: pl.LazyFrame, folder: Path) -> list[pl.LazyFrame]:
    """The jobs in parts of about `JOBS_PER_PART`, by ascending workers, each worker whole in one of them.

    What does not fit into one part is written to `folder`.
    """
    count = rows.select(pl.len()).collect(engine="streaming").item()
    bounds = _bounds(rows, -(-count // JOBS_PER_PART))
    if not bounds:
        return [rows]
    number = pl.sum_horizontal(pl.col("worker") >= bound for bound in bounds).alias("part")
    for start in range(0, count, JOBS_TOGETHER):
        target = pl.PartitionBy(folder / f"jobs-{start}", key="part", include_key=False)
        together = rows.slice(start, JOBS_TOGETHER).with_columns(number)
        together.sink_parquet(target, mkdir=True, maintain_order=False)
    files = [sorted(folder.glob(f"jobs-*/part={number}/*.parquet")) for number in range(len(bounds) + 1)]
    return [pl.scan_parquet(of_part) for of_part in files if of_part]


def _bounds(rows: pl.LazyFrame, parts: int) -> list[str]:
    """The first worker of every part but the first."""
    if parts < 2:
        return []
    sampled = rows.select("worker").drop_nulls().filter(pl.col("worker").hash() % SAMPLED == 0).unique()
    workers = sampled.collect(engine="streaming")["worker"].sort()
    return [workers[len(workers) * part // parts] for part in range(1, parts)] if len(workers) >= parts else []
