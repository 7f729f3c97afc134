"""Where careers begin, and what the record before holds, by hand."""

import numpy as np
import polars as pl
import pytest

from laborllm.panel.order import first_records, record_before, worker_index


@pytest.mark.parametrize(
    ("workers", "numbers", "first"),
    [
        (["a", "a", "b", "c", "c"], [0, 0, 1, 2, 2], [True, False, True, True, False]),
        (["a"], [0], [True]),
        ([], [], []),
    ],
)
def test_workers_in_order(workers: list[str], numbers: list[int], first: list[bool]) -> None:
    records = pl.DataFrame({"worker": workers}, schema={"worker": pl.String})
    assert worker_index(records).tolist() == numbers
    assert first_records(records).tolist() == first


def test_every_record_but_the_very_first_follows_one() -> None:
    assert record_before(np.array([3, 1, 4, 1]))[1:].tolist() == [3, 1, 4]
