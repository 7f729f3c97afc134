"""Each metric against a computation by hand or by another library."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

from evaluation.synthetic import TAXONOMY, careers, forecast
from laborllm.evaluation import evaluate
from laborllm.evaluation.arrays import Bools, Indices, Numbers
from laborllm.evaluation.metrics.auc import placements
from laborllm.evaluation.metrics.calibration_line import calibration_line
from laborllm.evaluation.metrics.corp import isotonic, reliability_bins
from laborllm.evaluation.metrics.events import Cases
from laborllm.evaluation.metrics.kuiper import Walk, cumulative_range, range_p_value
from laborllm.evaluation.metrics.top_k import top_hits
from laborllm.panel.history import History


def cases_of(
    probability: Numbers, outcome: Numbers, weight: Numbers | None = None, worker: Indices | None = None
) -> Cases:
    """Records in one cell, each of a worker of its own by default."""
    size = len(probability)
    given = np.arange(size) if worker is None else worker
    cells = np.zeros((1, size), dtype=np.int64)
    return Cases(given, given, np.ones(size) if weight is None else weight, cells, probability, outcome)


LABELLED = st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(1, 5)), min_size=2, max_size=30)


@given(LABELLED)
def test_placements_average_to_the_weighted_area_of_scikit_learn(labelled: list[tuple[int, bool, int]]) -> None:
    score, positive, weight = (np.array(column) for column in zip(*sorted(labelled), strict=True))
    sides = np.array([weight[~positive].sum(), weight[positive].sum()], dtype=float)
    share = placements(score.astype(float), positive, weight.astype(float), np.zeros(2), sides)
    if positive.all() or not positive.any():
        assert np.isnan(share).all()
        return
    expected = roc_auc_score(positive, score, sample_weight=weight)
    for side in (positive, ~positive):
        assert np.average(share[side], weights=weight[side]) == pytest.approx(expected)


@given(st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=1, max_size=8), st.integers(1, 4))
def test_hits_are_the_mean_over_random_orders_of_ties(rows: list[list[int]], top: int) -> None:
    scores = np.array(rows, dtype=float)
    found = top_hits(scores, np.zeros(len(rows), dtype=np.intp), top)
    for row, hit in zip(scores, found, strict=True):
        ranks = [np.sum(row > row[0]) + tied for tied in range(int(np.sum(row == row[0])))]  # each equally likely
        assert hit == pytest.approx(np.mean([rank < top for rank in ranks]))


def test_a_uniform_forecast_scores_chance() -> None:
    assert top_hits(np.zeros((3, 10)), np.arange(3), 5).tolist() == [0.5] * 3


@pytest.mark.parametrize("weights", ["none", "sampling"])
def test_reported_numbers_are_those_of_scikit_learn(weights: str) -> None:
    """Brier score, and areas of a change, of each state and of entering it, in one group and overall."""
    panel = careers(250, seed=5)
    model = forecast(panel, 0.4)
    found = evaluate({"model": model}, panel, by=["gender"], weights=weights, draws=40)
    history, records = History.of(panel), panel.records
    weight = records["weight"].to_numpy() if weights == "sampling" else np.ones(len(panel))
    probability = np.exp(model.log_prob.astype(np.float64))
    past = ~history.is_first
    previous = np.where(past, history.previous, 0)
    events: dict[str, tuple[Numbers, Bools, Bools]] = {
        "change": (1 - probability[np.arange(len(panel)), previous], history.occupation != previous, past)
    }
    for state in TAXONOMY.states:
        column = TAXONOMY.position[state]
        events[state] = probability[:, column], history.occupation == column, np.ones(len(panel), dtype=bool)
        events[f"entering_{state}"] = *events[state][:2], past & (previous != column)
    for group, level, inside in (
        ("all", "all", np.ones(len(panel), dtype=bool)),
        ("gender", "male", (records["gender"] == "male").to_numpy()),
    ):
        for name, (score, happened, domain) in events.items():
            among = inside & domain
            row = found.row("model", f"auc_{name}", group, level)
            if row["estimate"] is not None:
                expected = roc_auc_score(happened[among], score[among].round(6), sample_weight=weight[among])
                assert row["estimate"] == pytest.approx(expected, abs=1e-5)
        one_hot = np.eye(len(TAXONOMY))[history.occupation]
        brier = brier_score_loss(one_hot[inside].argmax(1), probability[inside], sample_weight=weight[inside])
        assert found.row("model", "brier", group, level)["estimate"] == pytest.approx(brier, rel=1e-5)


def test_the_clustered_error_of_an_area_is_that_of_recomputing_it_in_every_draw() -> None:
    """The draws are linear in the placements; with some hundred workers that is close to the whole computation."""
    panel = careers(300, seed=6)
    model, column = forecast(panel, 0.4), TAXONOMY.position["unemployed"]
    found = evaluate({"model": model}, panel, metrics=["auc_unemployed"], draws=1000)
    worker = panel.records["worker"]
    rows = [np.flatnonzero(worker == each) for each in worker.unique(maintain_order=True)]
    generator = np.random.default_rng(1)
    areas = []
    for _ in range(300):
        kept = np.concatenate([rows[each] for each in generator.integers(len(rows), size=len(rows))])
        areas.append(roc_auc_score(model.observed[kept] == column, model.log_prob[kept, column]))
    assert found.row("model", "auc_unemployed")["standard_error"] == pytest.approx(np.std(areas), rel=0.15)


def test_the_calibration_line_is_the_regression_of_statsmodels() -> None:
    """Coefficient and clustered standard error, which the influence of each record gives in closed form."""
    api = pytest.importorskip("statsmodels.api")
    generator = np.random.default_rng(7)
    log_odds = generator.normal(size=600)
    outcome = (generator.random(600) < 1 / (1 + np.exp(-(0.3 + 0.6 * log_odds)))).astype(float)
    cluster = np.repeat(np.arange(200), 3)
    design = np.stack([np.ones(600), log_odds], axis=1)
    cases = cases_of(1 / (1 + np.exp(-log_odds)), outcome, worker=cluster)
    line = calibration_line([cases], np.array([True]), slope=True)
    value, influence = line.estimate[0], line.influence(cases)[0]
    model = api.GLM(outcome, design, family=api.families.Binomial())
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False})
    assert value == pytest.approx(fit.params[1], rel=1e-6)
    error = np.sqrt(np.sum(np.bincount(cluster, influence) ** 2))
    assert error == pytest.approx(fit.bse[1], rel=1e-6)
    offset = calibration_line([cases], np.array([True]), slope=False).estimate[0]
    model = api.GLM(outcome, design[:, :1], family=api.families.Binomial(), offset=log_odds)
    assert offset == pytest.approx(model.fit().params[0], rel=1e-6)


def test_an_outcome_that_is_separated_has_no_slope() -> None:
    log_odds = np.arange(20) - 9.5
    cases = cases_of(1 / (1 + np.exp(-log_odds)), (log_odds > 0).astype(float))
    value = calibration_line([cases], np.array([True]), slope=True).estimate[0]
    assert np.isnan(value)


def test_the_true_law_is_calibrated_and_another_is_not() -> None:
    panel = careers(1500, seed=3)
    found = evaluate({"oracle": forecast(panel, 0.7), "timid": forecast(panel, 0.2)}, panel, draws=200)
    for event in ("change", "top_1"):
        slope, intercept = (found.row("oracle", f"calibration_{name}_{event}") for name in ("slope", "intercept"))
        assert slope["low"] < 1 < slope["high"]  # type: ignore[operator]
        assert intercept["low"] < 0 < intercept["high"]  # type: ignore[operator]
        assert found.row("oracle", f"kuiper_p_{event}")["estimate"] > 0.05  # type: ignore[operator]
        assert found.row("timid", f"kuiper_p_{event}")["estimate"] < 1e-6  # type: ignore[operator]
    curve = found.reliability.with_columns(gap=(pl.col("estimate") - pl.col("predicted")).abs())
    assert curve.filter(model="oracle")["gap"].max() < 0.1 < curve.filter(model="timid")["gap"].max()  # type: ignore[operator]
    assert curve["workers"].min() >= 10  # type: ignore[operator]


def test_the_law_of_kuiper_is_that_of_simulated_walks() -> None:
    generator = np.random.default_rng(0)
    walks = np.cumsum(generator.normal(size=(4000, 1000)) / np.sqrt(1000), axis=1)
    overshoot = 2 * 0.5826 / np.sqrt(1000)  # by which steps fall short of a continuous path (Siegmund 1985)
    ranges = np.maximum(walks.max(axis=1), 0) - np.minimum(walks.min(axis=1), 0)
    for value in (1.2, 1.5, 2.0, 2.5):
        assert range_p_value(value) == pytest.approx(np.mean(ranges + overshoot >= value), abs=0.02)
    assert range_p_value(0.0) == 1
    assert 0 < range_p_value(8.0) < 1e-10


@given(
    st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(1, 5)), min_size=1, max_size=30), st.integers(1, 9)
)
def test_a_walk_does_not_depend_on_where_records_are_cut(rows: list[tuple[int, bool, int]], together: int) -> None:
    """Against sums by each distinct probability, in one go."""
    probability, outcome, weight = (np.array(column, dtype=float) for column in zip(*sorted(rows), strict=True))
    probability = probability / 4
    walk = Walk()
    for start in range(0, len(rows), together):
        walk.add(*(column[start : start + together] for column in (probability, outcome, weight)))
    sums = [np.sum((weight * (outcome - probability))[probability <= each]) for each in np.unique(probability)]
    assert walk.error == pytest.approx((max(0, *sums) - min(0, *sums)) / weight.sum())
    assert walk.scale == pytest.approx(np.sqrt(np.sum(weight**2 * probability * (1 - probability))) / weight.sum())
    assert cumulative_range(probability[::-1], outcome[::-1], weight[::-1]) == pytest.approx((walk.error, walk.scale))


def test_the_p_value_of_calibrated_forecasts_is_uniform() -> None:
    generator = np.random.default_rng(1)
    p_values = []
    for _ in range(400):
        probability, weight = generator.random(800), generator.uniform(0.5, 2, size=800)
        outcome = (generator.random(800) < probability).astype(float)
        error, scale = cumulative_range(probability, outcome, weight)
        p_values.append(range_p_value(error, scale))
    for level in (0.05, 0.25, 0.5, 0.75):
        assert np.mean(np.array(p_values) < level) == pytest.approx(level, abs=0.08)


def test_the_cumulative_range_by_hand() -> None:
    """Sorted: differences -0.2, -0.2 (tied, added at once), +0.4; a quarter each but the last, which has half."""
    probability, outcome = np.array([0.6, 0.2, 0.2]), np.array([1.0, 0.0, 0.0])
    error, _ = cumulative_range(probability, outcome, np.array([2.0, 1.0, 1.0]))
    assert error == pytest.approx(0.2)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans(), st.integers(1, 4)), min_size=1, max_size=40))
def test_the_reliability_curve_is_the_isotonic_regression_of_scikit_learn(rows: list[tuple[int, bool, int]]) -> None:
    probability, outcome, weight = (np.array(column, dtype=float) for column in zip(*sorted(rows), strict=True))
    expected = IsotonicRegression().fit_transform(probability, outcome, sample_weight=weight)
    cases = cases_of(probability, outcome, weight)
    halves = [cases.at(slice(None, len(rows) // 2)), cases.at(slice(len(rows) // 2, None))]
    for ordered in ([[cases]], [halves], [[half] for half in halves]):  # wherever a probability is cut
        ends, values = isotonic([[part for part in each if len(part)] for each in ordered])
        np.testing.assert_allclose(values[np.searchsorted(ends, probability)], expected, atol=1e-9)


@given(st.integers(0, 2**16), st.integers(1, 60))
def test_bins_of_a_curve_hold_every_record_once_and_enough_workers(seed: int, workers: int) -> None:
    generator = np.random.default_rng(seed)
    worker = np.sort(generator.integers(workers, size=80))
    probability = generator.random(80).round(2)
    outcome = (generator.random(80) < probability).astype(float)
    cases = cases_of(probability, outcome, worker=worker).at(np.argsort(probability, kind="stable"))
    ends = reliability_bins([[cases.at(slice(None, 40)), cases.at(slice(40, None))]])
    bins = np.searchsorted(ends, probability)
    members = [bins == each for each in range(bins.max() + 1)]
    if len(members) > 1:
        assert min(len(np.unique(worker[each])) for each in members) >= 10
    means = [probability[each].mean() for each in members]
    assert np.all(np.diff(means) > 0)
