"""Scores against brute force and closed forms, and the true process scores lowest."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss

from laborllm.forecasting.backtests.scores import (
    brier_score,
    crps,
    energy_score,
    interval_holds,
    log_score,
    randomised_pit,
    variogram_score,
    weighted_interval_score,
)


def test_scores_of_a_distribution_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    probability = generator.dirichlet(np.ones(4), size=200)
    observed = generator.integers(4, size=200)
    assert log_score(probability, observed).mean() == pytest.approx(log_loss(observed, probability))
    expected = brier_score_loss(observed, probability, labels=range(4), scale_by_half=False)
    assert brier_score(probability, observed).mean() == pytest.approx(expected)


@given(st.integers(2, 7), st.integers(0, 2**32 - 1))
def test_crps_and_energy_are_means_over_pairs(draws: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    numbers, observed = (
        generator.integers(0, 5, size=(3, draws)).astype(float),
        generator.integers(0, 5, 3).astype(float),
    )
    pairs = list(permutations(range(draws), 2))
    brute = [
        np.abs(row - y).mean() - np.mean([abs(row[a] - row[b]) for a, b in pairs]) / 2
        for row, y in zip(numbers, observed, strict=True)
    ]
    np.testing.assert_allclose(crps(numbers, observed), brute, atol=1e-12)
    paths, path = generator.integers(0, 3, size=(2, draws, 4)), generator.integers(0, 3, size=(2, 4))

    def distance(one: np.ndarray, two: np.ndarray) -> float:
        return float(np.sqrt((one != two).sum()))

    for row, y, found in zip(paths, path, energy_score(paths, path), strict=True):
        spread = np.mean([distance(row[a], row[b]) for a, b in pairs])
        assert found == pytest.approx(np.mean([distance(each, y) for each in row]) - spread / 2)


def test_crps_of_a_normal_distribution_is_its_closed_form() -> None:
    """At its centre: sigma (2 phi(0) - 1 / sqrt(pi))."""
    draws = np.random.default_rng(0).normal(size=(1, 200_000))
    assert crps(draws, np.zeros(1))[0] == pytest.approx(2 / np.sqrt(2 * np.pi) - 1 / np.sqrt(np.pi), abs=2e-3)


def test_few_draws_are_at_no_disadvantage() -> None:
    generator = np.random.default_rng(0)
    observed = generator.normal(size=40_000)
    few, many = (crps(generator.normal(size=(len(observed), draws)), observed).mean() for draws in (3, 50))
    assert few == pytest.approx(many, abs=0.01)


@pytest.mark.parametrize("score", ["crps", "interval", "energy", "variogram"])
def test_the_process_scores_lowest(score: str) -> None:
    generator = np.random.default_rng(1)
    sizes = {"process": 0.5, "sure": 0.9, "unsure": 0.2}

    def chain(stay: float, shape: tuple[int, int]) -> np.ndarray:
        """Chains of three categories over four years that stay with a probability."""
        states = [np.zeros(shape, dtype=np.intp)]
        for _ in range(4):
            moved = generator.random(shape) >= stay
            states.append(np.where(moved, (states[-1] + generator.integers(1, 3, shape)) % 3, states[-1]))
        return np.stack(states[1:], axis=-1)

    observed = chain(sizes["process"], (3000, 1))[:, 0]
    mean = {}
    for name, stay in sizes.items():
        paths = chain(stay, (3000, 40))
        numbers, number = (paths == 0).sum(axis=2).astype(float), (observed == 0).sum(axis=1).astype(float)
        found = {
            "crps": lambda paths=paths, a=numbers, b=number: crps(a, b),
            "interval": lambda paths=paths, a=numbers, b=number: weighted_interval_score(a, b),
            "energy": lambda paths=paths, a=numbers, b=number: energy_score(paths, observed),
            "variogram": lambda paths=paths, a=numbers, b=number: variogram_score(paths, observed),
        }[score]()
        mean[name] = found.mean()
    assert mean["process"] < min(mean["sure"], mean["unsure"])


def test_calibrated_draws_hold_their_share_and_are_uniform() -> None:
    generator = np.random.default_rng(2)
    draws, observed = generator.binomial(30, 0.3, size=(5000, 400)), generator.binomial(30, 0.3, size=5000)
    held = interval_holds(draws.astype(float), observed.astype(float), 0.9).mean()
    assert 0.9 <= held + 0.01 < 0.97  # whole numbers hold a little more than they must
    pit = randomised_pit(draws.astype(float), observed.astype(float))
    assert np.abs(np.quantile(pit, np.linspace(0.1, 0.9, 9)) - np.linspace(0.1, 0.9, 9)).max() < 0.03
