"""What happens in each record: a career begins, the worker stays in the occupation of the record before, or moves."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]

KINDS = ("first", "stay", "move")


def transition_kinds(records: pl.DataFrame) -> NDArray[np.str_]:
    """The kind of each record, (n,): "first", "stay" or "move".

    records: worker, year, occupation, sorted by worker and year. The record before may be more than a year earlier.
    """
    worker = worker_index(records)
    occupation = records["occupation"].rank("dense").to_numpy().astype(np.intp)
    first = is_first(worker)
    stay = ~first & (occupation == previous(occupation))
    return np.select([first, stay], ["first", "stay"], "move")


def worker_index(records: pl.DataFrame) -> Indices:
    """A number per worker, 0, 1, ... in the order of the records, (n,)."""
    return records["worker"].rle_id().to_numpy().astype(np.intp)


def is_first(worker: Indices) -> Bools:
    """Whether each record begins a career, (n,)."""
    return np.concatenate([np.ones(min(len(worker), 1), dtype=bool), worker[1:] != worker[:-1]])


def previous(values: Indices) -> Indices:
    """The value of the record before, (n,); the very first record gets its own. Means nothing where a career begins."""
    return np.concatenate([values[:1], values[:-1]])
