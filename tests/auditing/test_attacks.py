"""Attacks where the answer is known: normal distributions, and the definitions spelled out."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from numpy.typing import NDArray

from laborllm.auditing.attacks import calibrated, lira, lira_offline, lira_shared, logit, rmia
from laborllm.auditing.measures import Scored, measure

NORMAL = NormalDist()
UNITS, REFITS, GAIN, SPREAD = 40_000, 128, 0.8, 0.5
Numbers = NDArray[np.float64]
Bools = NDArray[np.bool_]


@pytest.fixture(scope="module")
def toy() -> tuple[Numbers, Numbers, Bools, Bools]:
    """Units of any difficulty, which gain in likelihood where they are trained on: x, refits, trained, member."""
    generator = np.random.default_rng(0)
    difficulty = generator.normal(-2, 3, UNITS)
    member = generator.random(UNITS) < 0.5
    trained = np.zeros((REFITS, UNITS), dtype=bool)
    trained[::2] = generator.random((REFITS // 2, UNITS)) < 0.5
    trained[1::2] = ~trained[::2]
    x = difficulty + GAIN * member + generator.normal(0, SPREAD, UNITS)
    refits = difficulty + GAIN * trained + generator.normal(0, SPREAD, (REFITS, UNITS))
    return x, refits, trained, member


def rates(score: Numbers, member: Bools) -> dict[str, float]:
    found = measure(Scored(score, member, np.arange(len(score))), draws=2, seed=0)
    return dict(zip(found["measure"], found["estimate"], strict=True))


@pytest.mark.parametrize(
    ("attack", "noise"),
    [
        (lira, 1 / REFITS),  # of half the sum of two means, each of half the refits
        (lira_shared, 1 / REFITS),
        (lira_offline, 2 / REFITS),  # of the mean of half the refits
    ],
)
def test_rates_of_lira_equal_the_closed_form(toy: tuple[Numbers, ...], attack: object, noise: float) -> None:
    """Two normal distributions a distance d apart: TPR = 1 - Phi(Phi^-1(1 - FPR) - d), AUC = Phi(d / sqrt 2)."""
    x, refits, trained, member = toy
    found = rates(attack(x, refits, trained.astype(bool)), member.astype(bool))  # type: ignore[operator]
    distance = GAIN / (SPREAD * math.sqrt(1 + noise))
    assert found["auc"] == pytest.approx(NORMAL.cdf(distance / math.sqrt(2)), abs=0.008)
    for name, share, off in (("tpr_at_1_percent", 0.01, 0.15), ("tpr_at_0.1_percent", 0.001, 0.45)):
        expected = 1 - NORMAL.cdf(NORMAL.inv_cdf(1 - share) - distance)
        assert found[name] == pytest.approx(expected, rel=off)  # 200 and 20 false positives set the thresholds


def test_the_likelihood_alone_tells_little_where_units_differ_in_difficulty(toy: tuple[Numbers, ...]) -> None:
    x, _, _, member = toy
    distance = GAIN / math.hypot(SPREAD, 3)
    assert rates(x, member.astype(bool))["auc"] == pytest.approx(NORMAL.cdf(distance / math.sqrt(2)), abs=0.008)


def test_calibrated_by_the_difficulty_itself(toy: tuple[Numbers, ...]) -> None:
    x, refits, trained, member = toy
    outside = np.where(trained, refits - GAIN, refits).mean(axis=0)
    distance = GAIN / (SPREAD * math.sqrt(1 + 1 / REFITS))
    found = rates(calibrated(x, outside), member.astype(bool))
    assert found["auc"] == pytest.approx(NORMAL.cdf(distance / math.sqrt(2)), abs=0.008)


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_rmia_is_the_share_of_pairs_that_its_definition_counts(ratio: float) -> None:
    generator = np.random.default_rng(1)
    x, refits = generator.normal(-2, 1, 40), generator.normal(-2, 1, (6, 40))
    population = np.arange(40) < 15
    gain = np.exp(x) / np.exp(refits).mean(axis=0)
    expected = [np.mean([gain[at] / gain[z] >= ratio for z in range(15)]) for at in range(40)]
    assert rmia(x, refits, population, ratio=ratio).tolist() == pytest.approx(expected)


def test_logit_is_the_log_odds_and_finite_at_certainty() -> None:
    probability = np.array([0.1, 0.5, 0.9])
    assert logit(np.log(probability)).tolist() == pytest.approx([math.log(p / (1 - p)) for p in probability])
    assert np.isfinite(logit(np.array([0.0]))).all()


def test_few_refits_are_worth_most_with_one_gain_for_all(toy: tuple[Numbers, ...]) -> None:
    """Exact with any number of refits; a gain for each unit is told badly by four."""
    x, refits, trained, member = toy
    four, inside = refits[:4], trained[:4].astype(bool)
    shared = rates(lira_shared(x, four, inside), member.astype(bool))
    distance = GAIN / (SPREAD * math.sqrt(1 + 1 / 4))
    assert shared["auc"] == pytest.approx(NORMAL.cdf(distance / math.sqrt(2)), abs=0.02)
    assert shared["auc"] > rates(lira(x, four, inside), member.astype(bool))["auc"] + 0.01


def test_refits_that_agree_to_the_last_digit_divide_nothing_by_zero() -> None:
    trained = np.array([[True, False], [False, True], [True, False], [False, True]])
    same = np.full((4, 2), -1.0)
    assert np.isfinite(lira(np.array([-1.0, -1.0]), same, trained)).all()
