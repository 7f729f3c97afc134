import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from evaluation.synthetic import careers, forecast
from laborllm.evaluation import Scores, evaluate
from laborllm.evaluation.calibration import LIKELIEST, quantile_bins
from laborllm.evaluation.ranking import CHANGE


@given(st.lists(st.integers(0, 50), min_size=1, max_size=80), st.integers(1, 10))
def test_bins_are_ordered_and_ties_stay_together(values: list[int], bins: int) -> None:
    predicted = np.array(values, dtype=float)
    group = quantile_bins(predicted, np.ones(len(values), dtype=bool), bins)
    assert set(group) == set(range(group.max() + 1))
    assert group.max() < bins
    order = np.argsort(predicted, kind="stable")
    assert np.all(np.diff(group[order]) >= 0)
    assert all(len(set(group[predicted == value])) == 1 for value in values)


def test_distinct_predictions_fill_bins_evenly() -> None:
    group = quantile_bins(np.random.default_rng(0).permutation(200) / 200, np.ones(200, dtype=bool))
    assert np.bincount(group).tolist() == [20] * 10


def test_records_outside_have_no_bin() -> None:
    assert quantile_bins(np.array([0.1, 0.9]), np.array([False, True])).tolist() == [-1, 0]


def test_the_true_law_is_calibrated_and_another_is_not() -> None:
    records = careers(1500, seed=3)
    models = {"truth": Scores.of_forecast(forecast(records, 0.7)), "timid": Scores.of_forecast(forecast(records, 0.2))}
    table = evaluate(models, draws=200).calibration
    gap = table.with_columns(gap=(pl.col("estimate") - pl.col("predicted")).abs() / pl.col("standard_error"))
    for event in (CHANGE, LIKELIEST):
        of_event = gap.filter(pl.col("event") == event)
        worst = {model: max(of_event.filter(pl.col("model") == model)["gap"]) for model in models}
        assert worst["truth"] < 4  # standard errors, in the worst of ten bins
        assert worst["timid"] > 10


def test_bins_cover_every_record_once() -> None:
    records = careers(200, seed=3)
    table = evaluate({"truth": Scores.of_forecast(forecast(records, 0.7))}, draws=40).calibration
    totals = dict(table.group_by("event").agg(pl.col("records").sum()).iter_rows())
    assert totals == {CHANGE: records.height - 200, LIKELIEST: records.height}
