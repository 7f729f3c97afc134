"""The order of data and the learning rate are functions of the seed, the epoch and the step."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.training.config import DECAYS, Decay, TrainingConfig
from laborllm.training.schedule import batches, career_order, rate_factor


@given(st.integers(1, 50), st.integers(0, 5), st.integers(0, 5))
def test_every_career_comes_once_an_epoch(careers: int, seed: int, epoch: int) -> None:
    order = career_order(careers, seed=seed, epoch=epoch)
    assert sorted(order) == list(range(careers))
    assert order == career_order(careers, seed=seed, epoch=epoch)


@given(st.integers(1, 500), st.floats(0, 1), st.sampled_from(DECAYS))
def test_the_rate_rises_to_one_and_falls(steps: int, warmup: float, decay: Decay) -> None:
    factors = [rate_factor(step, steps, warmup, decay) for step in range(steps)]
    peak = factors.index(max(factors))
    assert all(0 < factor <= 1 for factor in factors)
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)


def test_the_shapes_of_decay_differ_halfway() -> None:
    halfway = {decay: rate_factor(55, 110, 0.0, decay) for decay in DECAYS}
    assert halfway["constant"] == 1
    assert halfway["linear"] == pytest.approx(55 / 109)
    assert halfway["inverse-sqrt"] == pytest.approx(56**-0.5)  # after a rise of one step
    assert halfway["cosine"] == pytest.approx((1 - math.cos(math.pi * 55 / 109)) / 2)


@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 3), st.integers(0, 5))
def test_batches_hold_every_career_once_an_epoch(careers: int, batch_size: int, epochs: int, seed: int) -> None:
    config = TrainingConfig(epochs=epochs, batch_size=batch_size, learning_rate=1.0)
    made = list(batches(careers, config, seed=seed))
    assert len(made) == epochs * math.ceil(careers / batch_size)
    assert all(len(batch) <= batch_size for batch in made)
    drawn = [index for batch in made for index in batch]
    assert all(sorted(drawn[e * careers : (e + 1) * careers]) == list(range(careers)) for e in range(epochs))
