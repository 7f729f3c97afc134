"""What holds of any pooled panel: nobody of the first changes, whole training careers of others come in, once."""

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from laborllm.panel import Panel
from laborllm.panel.pooling import Addition, mix

FEW = settings(max_examples=25)
SEEDS = st.integers(0, 2**32 - 1)
SHARES = st.floats(0.01, 1)


@pytest.fixture(scope="module")
def others(panel: Panel) -> tuple[Panel, Panel]:
    """Two surveys of such people; the second asked half of them."""
    half = panel.sample(panel.workers // 2, seed=1)
    return replace(panel, dataset="OTHER"), replace(half, dataset="THIRD")


@FEW
@given(share=SHARES, seed=SEEDS)
def test_the_first_panel_stays_and_whole_training_careers_join(
    panel: Panel, others: tuple[Panel, Panel], share: float, seed: int
) -> None:
    other = others[0]
    pooled = mix(panel, [Addition(other, share=share)], seed=seed)
    is_added = pl.col("worker").str.starts_with("OTHER:")
    assert_frame_equal(pooled.records.filter(~is_added), panel.records)
    assert pooled.held_out == panel.held_out
    added = pooled.records.filter(is_added).with_columns(pl.col("worker").str.strip_prefix("OTHER:"))
    training = other.subset("train")
    assert set(added["dataset"]) == {"OTHER"}
    assert added["worker"].n_unique() == max(1, round(share * training.workers))
    same = ["worker", "year", "occupation", "split", "education", "gender", "birth_year"]
    drawn = training.records.filter(pl.col("worker").is_in(added["worker"].unique().implode()))
    assert_frame_equal(added.select(same).sort("worker", "year"), drawn.select(same).sort("worker", "year"))


@FEW
@given(shares=st.tuples(SHARES, SHARES), seed=SEEDS)
def test_the_order_of_additions_does_not_matter(
    panel: Panel, others: tuple[Panel, Panel], shares: tuple[float, float], seed: int
) -> None:
    additions = [Addition(other, share=share) for other, share in zip(others, shares, strict=True)]
    one, two = mix(panel, additions, seed=seed), mix(panel, additions[::-1], seed=seed)
    assert one.fingerprint == two.fingerprint
    alone = mix(panel, additions[1:], seed=seed).records.filter(pl.col("worker").str.starts_with("THIRD:"))
    assert_frame_equal(one.records.filter(pl.col("worker").str.starts_with("THIRD:")), alone)
