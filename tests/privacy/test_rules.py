"""ACRO's rules on magnitudes, against what acro 1.0.2 says of the same table, and at their limits by hand."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.privacy import RULES, SMALLEST_CELL, Magnitudes, failing_magnitudes, round_counts

CELLS = {
    "even": [10.0] * 12,
    "small": [5.0] * 9,
    "one dominates": [1000.0] + [1.0] * 11,
    "two dominate": [500.0, 500.0] + [10.0] * 10,
    "two at the limit": [450.0, 450.0] + [10.0] * 10,
    "second could tell": [1000.0, 900.0] + [9.0] * 11,
    "small and dominated": [100.0, 1.0, 1.0],
    "ratio at the limit": [100.0, 5.0] + [1.0] * 10,
}
ACRO = {
    "even": set(),
    "small": {"threshold"},
    "one dominates": {"nk-rule", "p-ratio"},
    "two dominate": {"nk-rule"},
    "two at the limit": {"nk-rule"},
    "second could tell": {"nk-rule", "p-ratio"},
    "small and dominated": {"nk-rule", "p-ratio", "threshold"},
    "ratio at the limit": {"nk-rule"},
}
"""The outcome of `ACRO(suppress=False).crosstab(cell, one, values=value, aggfunc="sum")` of acro 1.0.2, whose checks
NKCheck, PPercentCheck and MinimumThresholdCheck are the rules nk-rule, p-ratio and threshold."""


def failing(cells: dict[str, list[float]]) -> dict[str, set[str]]:
    """The rules that each cell fails, each value of another worker."""
    cell = np.repeat(np.arange(len(cells)), [len(values) for values in cells.values()])
    value = np.concatenate(list(cells.values()))
    found = failing_magnitudes(cell, np.arange(len(cell)), value)
    found["threshold"] = np.bincount(cell) < SMALLEST_CELL
    return {name: {rule for rule, mask in found.items() if mask[at]} for at, name in enumerate(cells)}


def test_what_acro_says() -> None:
    assert failing(CELLS) == ACRO
    defaults = {"safe_threshold": 10, "safe_nk_n": 2, "safe_nk_k": 0.9, "safe_pratio_p": 0.1, "safe_round_base": 5}
    assert defaults == RULES  # of acro/default.yaml


def test_records_of_a_worker_count_together() -> None:
    """Eleven records of even weight, six of them of one worker and three of another: 9 of 11 are below 90 %."""
    worker = np.array([0] * 6 + [1] * 3 + [2, 3])
    even = failing_magnitudes(np.zeros(11, dtype=np.intp), worker, np.ones(11))
    assert not even["nk-rule"].any()
    more = failing_magnitudes(np.zeros(11, dtype=np.intp), worker, np.where(worker < 2, 2.0, 1.0))
    assert more["nk-rule"].tolist() == [True]  # 18 of 20
    assert more["p-ratio"].tolist() == [False]  # 2 of 12


@given(seed=st.integers(0, 2**32 - 1))
def test_some_workers_at_a_time_or_all_at_once(seed: int) -> None:
    generator = np.random.default_rng(seed)
    worker = np.sort(generator.integers(30, size=200))
    cell = generator.integers(-1, 1 + worker // 4)  # the first workers know no large number of a cell
    value = np.exp(3 * generator.normal(size=200)[worker])
    found = Magnitudes()
    for start in range(0, 30, 7):
        some = (worker >= start) & (worker < start + 7)
        found.add(cell[some], worker[some], value[some])
    whole = failing_magnitudes(cell, worker, value)
    assert {name: mask.tolist() for name, mask in found.failing().items()} == {
        name: mask.tolist() for name, mask in whole.items()
    }
    assert found.total.tolist() == pytest.approx(np.bincount(cell[cell >= 0], value[cell >= 0]).tolist())


def test_nothing_in_a_cell() -> None:
    found = failing_magnitudes(np.array([-1, 1]), np.array([0, 1]), np.zeros(2))
    assert {name: mask.tolist() for name, mask in found.items()} == {rule: [False, False] for rule in found}


@pytest.mark.parametrize(("count", "rounded"), [(0, 0), (2, 0), (3, 5), (10, 10), (12, 10), (13, 15), (None, None)])
def test_rounding(count: int | None, rounded: int | None) -> None:
    frame = pl.DataFrame({"name": ["a"], "workers": [count]}, schema={"name": pl.String, "workers": pl.Int64})
    assert round_counts(frame, "workers").row(0) == ("a", rounded)
