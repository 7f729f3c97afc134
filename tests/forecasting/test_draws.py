"""Draws follow the distribution they are given, and arms with equal numbers stay together."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from laborllm.forecasting.simulation.draws import draw_next, worker_uniforms


@pytest.mark.parametrize("previous", [0, 2, 4, 5])  # 5: a first record, of five occupations
def test_frequencies_are_the_probabilities(previous: int) -> None:
    chances = torch.tensor([0.05, 0.0, 0.6, 0.25, 0.1], dtype=torch.float64)
    draws = 200_000
    uniform = (torch.arange(draws, dtype=torch.float64) + 0.5) / draws  # evenly spread: no noise but the grid's
    drawn = draw_next(chances.expand(draws, -1), torch.full((draws,), previous), uniform)
    torch.testing.assert_close(torch.bincount(drawn, minlength=5).double() / draws, chances, rtol=0, atol=2 / draws)
    if previous < 5:
        assert (drawn[uniform < chances[previous]] == previous).all()


@given(st.integers(2, 40), st.integers(0, 2**32 - 1))
def test_single_precision_never_draws_what_cannot_be(occupations: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    chances = torch.rand(500, occupations, generator=generator)
    chances[:, 0] = 0
    chances = chances / chances.sum(dim=1, keepdim=True)
    previous = torch.randint(0, occupations + 1, (500,), generator=generator)
    edge = torch.tensor([0.0, 1 - 2**-24])
    uniform = torch.rand(500, generator=generator)
    uniform[:2] = edge
    drawn = draw_next(chances, previous, uniform)
    assert ((drawn > 0) & (drawn < occupations)).all()


def test_equal_numbers_couple_two_arms() -> None:
    """They differ in no more draws than the total variation between them asks for, where stays are concerned."""
    uniform = torch.rand(100_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    one, two = (torch.tensor([[stay, 1 - stay]], dtype=torch.float64).expand(len(uniform), -1) for stay in (0.7, 0.72))
    previous = torch.zeros(len(uniform), dtype=torch.long)
    differ = (draw_next(one, previous, uniform) != draw_next(two, previous, uniform)).double().mean()
    assert differ.item() == pytest.approx(0.02, abs=0.002)


def test_numbers_belong_to_the_worker() -> None:
    together = worker_uniforms(["a", "b", "c"], 5, 4, seed=1)
    assert together.shape == (4, 3, 5)
    np.testing.assert_array_equal(worker_uniforms(["b"], 5, 2, seed=1)[:, 0], together[:2, 1])
    assert not np.array_equal(worker_uniforms(["b"], 5, 2, seed=2)[:, 0], together[:2, 1])
    assert len(np.unique(together)) == together.size
