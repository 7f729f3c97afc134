"""Train, validation and test by worker: a worker's split depends on the worker and the seed alone."""

import hashlib

import polars as pl

SHARES = {"train": 0.7, "valid": 0.1, "test": 0.2}
"""Shares of workers, as in LABOR-LLM (arXiv 2406.17972)."""


def assign_split(records: pl.DataFrame, *, seed: int = 0) -> pl.DataFrame:
    """Add the column `split`. Adding or removing other workers moves nobody from one split to another."""
    workers = records["worker"].unique()
    splits = pl.Series("split", [split_of(worker, seed) for worker in workers], pl.String)
    return records.join(pl.DataFrame({"worker": workers, "split": splits}), on="worker", how="left")


def split_of(worker: str, seed: int) -> str:
    """The split of one worker: a uniform number from a hash of seed and worker, cut at the shares."""
    digest = hashlib.blake2b(f"{seed}:{worker}".encode(), digest_size=8).digest()
    uniform = int.from_bytes(digest) / 2**64
    if uniform < SHARES["train"]:
        return "train"
    return "valid" if uniform < SHARES["train"] + SHARES["valid"] else "test"
