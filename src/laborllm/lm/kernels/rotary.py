"""Rotary position embeddings (arXiv 2104.09864) as one step of the forward and the backward pass."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Heads x (B, n, H, d), each number of their first half turned with that of the second: cos and sin (B, n, d) of
    the angles, those of the two halves alike. In the precision of the angles, and then rounded to that of x."""
    turned: Tensor = _Rotated.apply(x, cos, sin)  # type: ignore[no-untyped-call]
    return turned


class _Rotated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _turned(x, cos, sin)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        cos, sin = ctx.saved_tensors
        return _turned(gradient, cos, -sin), None, None


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    cos, sin = cos[..., None, :], sin[..., None, :half]
    wide = x.to(cos.dtype)
    turned = wide * cos
    turned[..., :half].addcmul_(wide[..., half:], sin, value=-1)
    turned[..., half:].addcmul_(wide[..., :half], sin)
    return turned.to(x.dtype)
