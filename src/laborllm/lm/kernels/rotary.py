"""Rotary position embeddings (arXiv 2104.09864) as one step of the forward and the backward pass."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def apply_rotary(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate each number of the first half of a head with its partner in the second half.

    In the precision of the angles, and then cast to the dtype of `x`.

    Args:
        x: Heads, (B, n, H, d).
        cos: Cosines of the angles, (B, n, d), equal in both halves.
        sin: Their sines, (B, n, d).

    Returns:
        (B, n, H, d).
    """
    rotated: Tensor = _ApplyRotary.apply(x, cos, sin)  # type: ignore[no-untyped-call]
    return rotated


class _ApplyRotary(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _rotate(x, cos, sin)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        cos, sin = ctx.saved_tensors
        return _rotate(gradient, cos, -sin), None, None


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    cos, sin = cos[..., None, :], sin[..., None, :half]
    wide = x.to(cos.dtype)
    turned = wide * cos
    turned[..., :half].addcmul_(wide[..., half:], sin, value=-1)
    turned[..., half:].addcmul_(wide[..., :half], sin)
    return turned.to(x.dtype)
