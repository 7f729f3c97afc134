"""The two-stage likelihood against its formula, term by term."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from laborllm.models.two_stage import two_stage_log_prob


@given(
    st.lists(st.floats(-30, 30), min_size=3, max_size=8),
    st.floats(-30, 30),
    st.data(),
)
def test_formula(z: list[float], stay: float, data: st.DataObject) -> None:
    classes = len(z)
    previous = data.draw(st.integers(0, classes))  # `occupations` is a first record
    scores = torch.tensor([[*z, stay]], dtype=torch.float64)
    found = two_stage_log_prob(scores, torch.tensor([previous]))[0].exp()
    move = 1 if previous == classes else 1 / (1 + math.exp(stay))
    others = sum(math.exp(score) for occupation, score in enumerate(z) if occupation != previous)
    for occupation, score in enumerate(z):
        expected = 1 - move if occupation == previous else move * math.exp(score) / others
        assert found[occupation].item() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert found.sum().item() == pytest.approx(1)


def test_by_hand() -> None:
    """Three occupations with odds 1 : 2 : 3. Even odds of staying in the second leave half for the others, 1 : 3."""
    scores = torch.tensor([[1.0, 2.0, 3.0, 1.0], [1.0, 2.0, 3.0, 3.0]]).log()
    found = two_stage_log_prob(scores, torch.tensor([1, 0])).exp()
    torch.testing.assert_close(found, torch.tensor([[1 / 8, 1 / 2, 3 / 8], [3 / 4, 1 / 10, 3 / 20]]))
    first = two_stage_log_prob(scores[:1], torch.tensor([3])).exp()
    torch.testing.assert_close(first, torch.tensor([[1 / 6, 1 / 3, 1 / 2]]))


def test_gradient_is_finite_where_a_probability_is_zero() -> None:
    scores = torch.tensor([[0.0, 1.0, 2.0, 80.0]], requires_grad=True)
    two_stage_log_prob(scores, torch.tensor([1]))[0, 0].backward()
    assert scores.grad is not None
    assert torch.isfinite(scores.grad).all()
    assert scores.grad[0, 1] == 0  # where she was does not compete with where she may go
