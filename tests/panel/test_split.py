"""The split: by worker, in the stated shares, untouched by who else is there."""

from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare  # type: ignore[import-untyped]

from laborllm.panel import assign_split
from laborllm.panel.split import SHARES, fold_of, split_of

workers = st.lists(st.text(min_size=1), min_size=1, max_size=30)


def splits(names: list[str], seed: int) -> dict[str, str]:
    assigned = assign_split(pl.DataFrame({"worker": names}), seed=seed)
    return dict(assigned.select("worker", "split").iter_rows())


@given(some=workers, others=workers, seed=st.integers(0, 9))
def test_other_workers_move_nobody(some: list[str], others: list[str], seed: int) -> None:
    alone, together = splits(some, seed), splits([*others, *some, *others], seed)
    assert {worker: together[worker] for worker in some} == alone


def test_all_records_of_a_worker_share_a_split_and_keep_their_order() -> None:
    records = pl.DataFrame({"worker": [f"w{row % 40}" for row in range(200)], "row": range(200)})
    assigned = assign_split(records)
    assert assigned["row"].to_list() == list(range(200))
    assert assigned.group_by("worker").agg(pl.col("split").n_unique())["split"].unique().to_list() == [1]


@pytest.mark.parametrize("seed", [0, 1])
def test_shares(seed: int) -> None:
    """Four standard errors of a share at 20,000 workers are at most 1.3 points."""
    drawn = [split_of(str(worker), seed) for worker in range(20_000)]
    assert {split: drawn.count(split) / 20_000 for split in SHARES} == pytest.approx(SHARES, abs=0.013)


def test_seed_changes_the_split() -> None:
    names = [str(worker) for worker in range(100)]
    assert splits(names, 0) != splits(names, 1)


def test_split_never_changes_between_versions() -> None:
    """Frozen: a published test set must stay a test set."""
    assert "".join(split_of(str(worker), 0)[1] for worker in range(20)) == "eeerrrerrrrrrarerarr"


def test_folds_are_of_one_size_and_change_with_the_seed() -> None:
    folds = [fold_of(f"w{at}", 3, 5) for at in range(5000)]
    assert set(folds) == set(range(5))
    assert chisquare(list(Counter(folds).values())).pvalue > 1e-4
    others = [fold_of(f"w{at}", 4, 5) for at in range(5000)]
    assert np.mean(np.array(folds) == others) == pytest.approx(0.2, abs=0.03)
    assert folds == [fold_of(f"w{at}", 3, 5) for at in range(5000)]
