"""Root mean square norms (arXiv 1910.07467) as one step of the forward and the backward pass.

The output is cast once for all products that read it, not by each of them.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from laborllm.lm.kernels.precision import matmul_dtype


def rms_norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """Root mean square norm: weight * x / sqrt(mean of x squared + epsilon), in float32, then cast to the dtype of
    products.

    Args:
        x: (..., d).
        weight: (d,), which is not trained.
        epsilon: Keeps the root from zero.

    Returns:
        (..., d).
    """
    output: Tensor = _RMSNorm.apply(x, weight, epsilon)  # type: ignore[no-untyped-call]
    return output


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        wide = x.float()
        mean_square = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square() / len(weight)
        inverse = (mean_square + epsilon).rsqrt()
        unit = wide * inverse
        ctx.save_for_backward(unit, inverse, weight)
        output: Tensor = (unit * weight).to(matmul_dtype(x))
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        unit, inverse, weight = ctx.saved_tensors
        at_unit = gradient.float() * weight.float()
        along = torch.linalg.vecdot(at_unit, unit)[..., None] / -len(weight)
        return at_unit.addcmul_(unit, along).mul_(inverse), None, None
