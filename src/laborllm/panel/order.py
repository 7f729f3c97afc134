"""Records sorted by worker and year: where careers begin, and what the record before holds."""

from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

Value = TypeVar("Value", bound=np.generic)


def worker_index(records: pl.DataFrame) -> NDArray[np.intp]:
    """A number per worker, 0, 1, ... in the order of the records, (n,)."""
    return records["worker"].rle_id().to_numpy().astype(np.intp)


def first_records(records: pl.DataFrame) -> NDArray[np.bool_]:
    """Whether each record is the first of its worker, (n,)."""
    worker = records["worker"]
    return (worker != worker.shift()).fill_null(True).to_numpy()


def record_before(values: NDArray[Value]) -> NDArray[Value]:
    """The value of the record before, (n,). Means nothing where a career begins."""
    return np.roll(values, 1)
