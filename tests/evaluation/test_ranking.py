import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.synthetic import TAXONOMY, careers, forecast
from laborllm.evaluation import Scores, evaluate
from laborllm.evaluation.arrays import Bools
from laborllm.evaluation.bootstrap import Floats
from laborllm.evaluation.ranking import CHANGE, placements, roc_auc, top_hits
from laborllm.panel.history import transition_kinds

LABELLED = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=30)


def pairwise_auc(score: Floats, positive: Bools) -> float:
    """Every pair of a positive and a negative, a tie counting one half."""
    pairs = score[positive][:, None] - score[~positive][None, :]
    return float(np.mean((pairs > 0) + (pairs == 0) / 2))


@given(LABELLED)
def test_area_agrees_with_all_pairs(labelled: list[tuple[int, bool]]) -> None:
    score = np.array([each[0] for each in labelled], dtype=float)
    positive = np.array([each[1] for each in labelled])
    if positive.all() or not positive.any():
        assert np.isnan(roc_auc(score, positive))
        return
    expected = pairwise_auc(score, positive)
    assert roc_auc(score, positive) == pytest.approx(expected)
    assert placements(score, positive)[~positive].mean() == pytest.approx(expected)


def test_area_of_a_perfect_a_reversed_and_a_constant_score() -> None:
    positive = np.array([False, False, True, True])
    score = np.array([1.0, 2, 3, 4])
    assert roc_auc(score, positive) == 1
    assert roc_auc(-score, positive) == 0
    assert roc_auc(np.zeros(4), positive) == 0.5


@given(st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=1, max_size=8), st.integers(1, 4))
def test_hits_are_the_mean_over_random_orders_of_ties(rows: list[list[int]], top: int) -> None:
    scores = np.array(rows, dtype=float)
    found = top_hits(scores, np.zeros(len(rows), dtype=np.intp), top)
    for row, hit in zip(scores, found, strict=True):
        ranks = [np.sum(row > row[0]) + tied for tied in range(int(np.sum(row == row[0])))]  # each equally likely
        assert hit == pytest.approx(np.mean([rank < top for rank in ranks]))


def test_a_uniform_forecast_scores_chance() -> None:
    assert top_hits(np.zeros((3, 10)), np.arange(3), 5).tolist() == [0.5] * 3


def test_reported_areas_are_those_of_the_pairs() -> None:
    records = careers(250, seed=5)
    given_forecast = forecast(records, 0.4)
    found = evaluate({"model": Scores.of_forecast(given_forecast)}, draws=40).auc
    kinds = transition_kinds(records).to_numpy()
    probability = np.exp(given_forecast.log_prob.astype(np.float64))
    past = np.flatnonzero(kinds != "first")
    moved = 1 - probability[past, given_forecast.observed[past - 1]]
    expected = {CHANGE: pairwise_auc(moved.round(6), kinds[past] == "move")}
    for state in TAXONOMY.states:
        column = TAXONOMY.position[state]
        expected[TAXONOMY.title(state)] = pairwise_auc(probability[:, column], given_forecast.observed == column)
    assert dict(zip(found["outcome"], found["estimate"], strict=True)) == pytest.approx(expected, abs=1e-6)


def test_the_clustered_error_of_an_area_is_that_of_recomputing_it_in_every_draw() -> None:
    """The draws are linear in the placements; with some hundred workers that is close to the whole computation."""
    records = careers(300, seed=6)
    given_forecast = forecast(records, 0.4)
    column = TAXONOMY.position["unemployed"]
    found = evaluate({"model": Scores.of_forecast(given_forecast)}, draws=1000).auc.row(1, named=True)
    rows = [np.flatnonzero(records["worker"] == each) for each in records["worker"].unique(maintain_order=True)]
    generator = np.random.default_rng(1)
    areas = []
    for _ in range(300):
        kept = np.concatenate([rows[each] for each in generator.integers(len(rows), size=len(rows))])
        areas.append(roc_auc(given_forecast.log_prob[kept, column], given_forecast.observed[kept] == column))
    assert found["standard_error"] == pytest.approx(np.std(areas), rel=0.15)
