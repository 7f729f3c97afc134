"""Weights that are not trained are cast once, and no others."""

import pytest
import torch
from torch import nn

from laborllm.lm.kernels.precision import cached_casts, cast


@pytest.fixture
def frozen() -> nn.Parameter:
    return nn.Parameter(torch.rand(3, 2), requires_grad=False)


def test_a_frozen_weight_is_rounded_once(frozen: nn.Parameter) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with cached_casts():
            first = cast(frozen)
            assert cast(frozen) is first
            assert torch.equal(first, frozen.bfloat16())
        with torch.no_grad():
            frozen.add_(1)
        assert torch.equal(cast(frozen), frozen.bfloat16())  # nothing is remembered afterwards
        with cached_casts():
            assert torch.equal(cast(frozen), frozen.bfloat16())


def test_a_trained_weight_is_rounded_anew() -> None:
    weight = nn.Parameter(torch.rand(3, 2))
    with cached_casts(), torch.autocast("cpu", dtype=torch.bfloat16):
        cast(weight).sum().backward()
        assert torch.equal(weight.grad, torch.ones(3, 2))  # type: ignore[arg-type]
        with torch.no_grad():
            weight.add_(1)
        assert torch.equal(cast(weight), weight.bfloat16())


def test_what_inference_has_rounded_serves_training(frozen: nn.Parameter) -> None:
    x = torch.rand(4, 2, dtype=torch.bfloat16, requires_grad=True)
    with cached_casts(), torch.autocast("cpu", dtype=torch.bfloat16):
        with torch.inference_mode():
            cast(frozen)
        (x @ cast(frozen).T).sum().backward()
    assert x.grad is not None


def test_without_autocast_a_weight_is_itself(frozen: nn.Parameter) -> None:
    with cached_casts():
        assert cast(frozen) is frozen
