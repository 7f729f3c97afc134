"""Weights that are not trained are rounded once, and no others."""

import pytest
import torch
from torch import nn

from laborllm.lm.kernels.precision import rounded, rounded_once


@pytest.fixture
def frozen() -> nn.Parameter:
    return nn.Parameter(torch.rand(3, 2), requires_grad=False)


def test_a_frozen_weight_is_rounded_once(frozen: nn.Parameter) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with rounded_once():
            first = rounded(frozen)
            assert rounded(frozen) is first
            assert torch.equal(first, frozen.bfloat16())
        with torch.no_grad():
            frozen.add_(1)
        assert torch.equal(rounded(frozen), frozen.bfloat16())  # nothing is remembered afterwards
        with rounded_once():
            assert torch.equal(rounded(frozen), frozen.bfloat16())


def test_a_trained_weight_is_rounded_anew() -> None:
    weight = nn.Parameter(torch.rand(3, 2))
    with rounded_once(), torch.autocast("cpu", dtype=torch.bfloat16):
        rounded(weight).sum().backward()
        assert torch.equal(weight.grad, torch.ones(3, 2))  # type: ignore[arg-type]
        with torch.no_grad():
            weight.add_(1)
        assert torch.equal(rounded(weight), weight.bfloat16())


def test_what_inference_has_rounded_serves_training(frozen: nn.Parameter) -> None:
    x = torch.rand(4, 2, dtype=torch.bfloat16, requires_grad=True)
    with rounded_once(), torch.autocast("cpu", dtype=torch.bfloat16):
        with torch.inference_mode():
            rounded(frozen)
        (x @ rounded(frozen).T).sum().backward()
    assert x.grad is not None


def test_without_autocast_a_weight_is_itself(frozen: nn.Parameter) -> None:
    with rounded_once():
        assert rounded(frozen) is frozen
