"""Write a Parquet table of dated jobs of nobody: python benchmarks/made_up_jobs.py 20000000 jobs.parquet

Four jobs a worker on average, in no order, of one to four years from 1995 on, with titles as people write them.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from laborllm.occupations.coding.listed import load_titles

CHUNK = 1_000_000
RANKS = ("", "", "Senior ", "Lead ", "Sr. ")
PLACES = ("", "", " - nights", " (part time)", " II")


def main(jobs: int, out: Path) -> None:
    titles = load_titles().index["title"].unique(maintain_order=True).str.to_titlecase()
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(dir=out.resolve().parent) as folder:
        files = []
        for start in range(0, jobs, CHUNK):
            files.append(Path(folder) / f"{start:012}.parquet")
            made_up_jobs(min(CHUNK, jobs - start), jobs // 4, titles, generator).write_parquet(files[-1])
        pl.scan_parquet(files).sink_parquet(out)


def made_up_jobs(jobs: int, workers: int, titles: pl.Series, generator: np.random.Generator) -> pl.DataFrame:
    def pick(values: pl.Series) -> pl.Series:
        return values.gather(generator.integers(len(values), size=jobs))

    months = generator.integers(25 * 12, size=jobs)
    last = months + generator.integers(12, 48, size=jobs)
    numbers = pl.DataFrame({"worker": generator.integers(workers, size=jobs), "months": months, "last": last})
    return numbers.select(
        pl.format("w{}", pl.col("worker").cast(pl.String).str.zfill(8)).alias("worker"),
        _month("months").alias("start"),
        pl.when(pl.col("last") < 28 * 12).then(_month("last")).alias("end"),
        (pick(pl.Series(RANKS)) + pick(titles) + pick(pl.Series(PLACES))).alias("title"),
    )


def _month(column: str) -> pl.Expr:
    return pl.format("{}-{}", 1995 + pl.col(column) // 12, (pl.col(column) % 12 + 1).cast(pl.String).str.zfill(2))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
