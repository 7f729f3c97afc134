"""What holds of the forecast of any career: its own occupation and other workers do not enter, names say nothing."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.models.contract import Fitted
from laborllm.models.counts.specs import Transition
from laborllm.panel import Panel

FEW = settings(max_examples=20)
YEAR = 2010  # after the last record of every career
SEEDS = st.integers(0, 2**32 - 1)


@FEW
@given(seed=SEEDS)
def test_closing_an_open_record_leaves_its_forecast(counts: Fitted, panel: Panel, seed: int) -> None:
    opened = panel.open([YEAR])
    any_code = np.random.default_rng(seed).choice(panel.taxonomy.codes, size=len(opened))
    closed = opened.with_records(
        opened.records.with_columns(pl.col("occupation").fill_null(pl.Series(any_code.tolist(), dtype=pl.String)))
    )
    assert closed.open_records == 0
    expected = counts.forecast(opened)
    found = counts.forecast(closed)
    np.testing.assert_array_equal(found.log_prob, expected.log_prob)
    before = counts.forecast(panel)
    observed = opened.records["occupation"].is_not_null().to_numpy()
    np.testing.assert_array_equal(expected.log_prob[observed], before.log_prob)


@FEW
@given(seed=SEEDS, variant=st.sampled_from(["two-part", "plain", "second-order"]))
def test_the_names_and_the_order_of_workers_say_nothing(panel: Panel, seed: int, variant: str) -> None:
    """Workers change places, in the fit and in the forecast."""
    names = panel.records["worker"].unique(maintain_order=True)
    places = np.random.default_rng(seed).permutation(len(names))
    renamed = {name: f"{place:03}" for name, place in zip(names, places.tolist(), strict=True)}
    shuffled = panel.with_records(panel.records.with_columns(pl.col("worker").replace_strict(renamed)))
    spec = Transition(variant=variant)  # type: ignore[arg-type]
    expected, found = (spec.fit(careers).forecast(careers.open([YEAR])) for careers in (panel, shuffled))
    was = expected.records.with_columns(pl.col("worker").replace_strict(renamed))
    order = was.with_row_index().sort("worker", "year")["index"].to_numpy()
    assert found.records.equals(was[order])
    np.testing.assert_allclose(found.log_prob, expected.log_prob[order], rtol=1e-5)


@FEW
@given(seed=SEEDS, share=st.floats(0.02, 1))
def test_who_else_is_forecast_does_not_matter(counts: Fitted, panel: Panel, seed: int, share: float) -> None:
    some = panel.sample(max(1, int(share * panel.workers)), seed=seed)
    among_all = counts.forecast(panel).of(some)
    np.testing.assert_array_equal(counts.forecast(some).log_prob, among_all.log_prob)
