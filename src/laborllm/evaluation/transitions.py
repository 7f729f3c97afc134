"""What happens in each record: a career begins, the worker stays in the occupation of the record before, or moves."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.panel.order import first_records, record_before

Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]

KINDS = ("first", "stay", "move")


def transition_kinds(records: pl.DataFrame) -> NDArray[np.str_]:
    """The kind of each record, (n,): "first", "stay" or "move".

    records: worker, year, occupation, sorted by worker and year. The record before may be more than a year earlier.
    """
    first = first_records(records)
    occupation = records["occupation"].rank("dense").to_numpy()
    stay = ~first & (occupation == record_before(occupation))
    return np.select([first, stay], ["first", "stay"], "move")
