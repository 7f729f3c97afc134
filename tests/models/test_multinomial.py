"""The logit on vectors against scikit-learn, the penalty that validation chooses, and how far frequencies shrink."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from laborllm.models.counts.shrinkage import STRENGTHS, best_strength, shrink
from laborllm.models.language.multinomial import PENALTIES, Vectors, choose_logit
from laborllm.models.mixture.weights import ConstantWeights, VaryingWeights
from laborllm.panel import Panel

CLASSES = 4


def drawn(rows: int, seed: int, *, signal: float = 1.5) -> Vectors:
    """Records whose occupation depends on a vector of three numbers, of different scales."""
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(rows, 3))
    scores = signal * vectors @ np.random.default_rng(7).normal(size=(3, CLASSES))
    observed = (scores + generator.gumbel(size=scores.shape)).argmax(axis=1)
    none = np.full(rows, CLASSES, dtype=np.intp)
    return Vectors(vectors * [1, 10, 0.1] + [0, 5, -1], none, observed)


def test_the_chosen_logit_is_that_of_scikit_learn() -> None:
    """At the penalty that was chosen; theirs is C = 1 / (n penalty)."""
    train, valid = drawn(400, 0), drawn(400, 1)
    found = choose_logit("multinomial", CLASSES, train, valid)
    scale = StandardScaler().fit(train.vectors)
    theirs = LogisticRegression(C=1 / (400 * found.penalty), max_iter=5000, tol=1e-8)
    theirs.fit(scale.transform(train.vectors), train.observed)
    log_prob = theirs.predict_log_proba(scale.transform(valid.vectors))
    np.testing.assert_allclose(found.logit.log_prob(valid).numpy(), log_prob, atol=2e-2)
    own = log_prob[np.arange(400), valid.observed]
    assert found.perplexity == pytest.approx(np.exp(-own.mean()), rel=1e-3)


def test_the_penalty_is_higher_where_there_is_less_to_learn() -> None:
    noise = choose_logit("multinomial", CLASSES, drawn(60, 2, signal=0), drawn(200, 3, signal=0))
    much = choose_logit("multinomial", CLASSES, drawn(2000, 2), drawn(500, 3))
    assert noise.penalty > much.penalty
    assert {noise.penalty, much.penalty} <= set(PENALTIES.tolist())
    assert noise.perplexity == pytest.approx(CLASSES, rel=0.03)


def test_with_two_stages_staying_has_a_score_of_its_own() -> None:
    """Where nobody ever moves, the occupation before is nearly certain, whatever the vector says."""
    stays = drawn(300, 4)
    train = Vectors(stays.vectors, stays.observed, stays.observed)
    found = choose_logit("two-stage", CLASSES, train, train).logit
    probability = found.log_prob(train).exp().numpy()
    assert probability[np.arange(300), train.previous].min() > 0.95
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-5)
    assert found.weight.shape == (3, CLASSES + 1)
    assert set(found.tensors()) == {"weight", "bias", "mean", "deviation"}


@given(st.integers(0, 50), st.integers(0, 50), st.floats(0, 1), st.floats(0.01, 1e4))
def test_a_shrunk_share_lies_between_its_own_and_that_of_others(
    count: int, others: int, toward: float, strength: float
) -> None:
    total = count + others
    found = float(shrink(np.array(float(count)), np.array(float(total)), toward, strength))
    own = count / total if total else toward
    assert min(own, toward) - 1e-9 <= found <= max(own, toward) + 1e-9
    assert found == pytest.approx((total * own + strength * toward) / (total + strength), abs=1e-12)


def test_the_best_strength_is_that_of_a_search_over_all() -> None:
    """Shares that are drawn around one half: little is shrunk where they differ, all where they do not."""
    generator = np.random.default_rng(5)

    def best_of(spread: float) -> float:
        share = np.clip(0.5 + spread * generator.normal(size=300), 0.02, 0.98)
        count, happened = generator.binomial(20, share), generator.random(300) < share

        def of_validation(strength: float) -> np.ndarray:
            estimate = shrink(count.astype(float), np.full(300, 20.0), 0.5, strength)
            return np.where(happened, estimate, 1 - estimate)

        found = best_strength(of_validation)
        means = [np.log(of_validation(strength)).mean() for strength in STRENGTHS]
        assert found == STRENGTHS[int(np.argmax(means))]
        return found

    assert best_of(0.3) < best_of(0.0)


def test_without_validation_records_the_least_is_shrunk() -> None:
    assert best_strength(lambda strength: np.array([])) == STRENGTHS[0]


def test_constant_weights_are_alike_at_every_record(panel: Panel) -> None:
    found = ConstantWeights(np.array([0.25, 0.75, 0.0])).log_weights(panel)
    assert found.shape == (len(panel), 3)
    np.testing.assert_allclose(np.exp(found), np.tile([0.25, 0.75, 0], (len(panel), 1)), atol=1e-300)
    assert np.isfinite(found).all()


@given(st.integers(0, 1000))
def test_varying_weights_are_a_softmax_of_scaled_features(seed: int) -> None:
    generator = np.random.default_rng(seed)
    raw, coefficients = generator.normal(3, 2, size=(20, 2)), generator.normal(size=(3, 4))
    weights = VaryingWeights(coefficients, raw.mean(axis=0), raw.std(axis=0), np.zeros(1))
    features = np.c_[StandardScaler().fit_transform(raw), np.ones(20)]
    expected = np.exp(features @ coefficients)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.exp(weights.of_features(raw)), expected, rtol=1e-9)
