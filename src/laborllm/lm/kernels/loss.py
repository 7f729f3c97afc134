"""Next-token loss over a large vocabulary, its gradient taken while the logits are there.

The logits of a pack (tokens x vocabulary) are the largest tensor of training. They exist once, for a few rows at a
time: the softmax of the loss is its gradient too.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from laborllm.lm.kernels.precision import cast
from laborllm.runtime import LOGIT_ROWS, SOFTMAX_ROWS


def next_token_loss(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, importance: Tensor) -> Tensor:
    """Cross-entropy of softmax(hidden @ weight.T + bias), whose logits exist for a few rows at a time.

    Args:
        hidden: Hidden states, (n, d).
        weight: Of the output layer, (V, d).
        bias: Of the output layer, (V,), if it has one.
        targets: The tokens that came, (n,).
        importance: Weight of each in the sum, (n,).

    Returns:
        The weighted sum, a scalar in nats.
    """
    loss: Tensor = _NextTokenLoss.apply(hidden, weight, bias, targets, importance)  # type: ignore[no-untyped-call]
    return loss


class _NextTokenLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, importance: Tensor
    ) -> Tensor:
        needs_hidden, needs_weight, needs_bias, *_ = ctx.needs_input_grad
        for_hidden = torch.empty_like(hidden) if needs_hidden else None
        for_weight = torch.zeros_like(weight) if needs_weight else None
        for_bias = torch.zeros_like(bias) if needs_bias and bias is not None else None
        loss = torch.zeros(
            (), dtype=torch.float32 if hidden.dtype != torch.float64 else torch.float64, device=hidden.device
        )
        step = LOGIT_ROWS[hidden.device.type]
        in_products = cast(weight)
        for start in range(0, len(hidden), step):
            rows = slice(start, start + step)
            logits = linear(hidden[rows], in_products, bias)
            loss += _to_gradient(logits, targets[rows], importance[rows].to(loss.dtype))
            if for_hidden is not None:
                for_hidden[rows] = logits @ in_products
            if for_weight is not None:
                for_weight += logits.T @ hidden[rows]
            if for_bias is not None:
                for_bias += logits.sum(dim=0)
        ctx.gradients = (for_hidden, for_weight, for_bias)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        return (*(gradient if gradient is None else gradient * scale for gradient in ctx.gradients), None, None)


def _to_gradient(logits: Tensor, targets: Tensor, importance: Tensor) -> Tensor:
    """The loss of rows of logits, (n, V), in the precision of their `importance`; the logits become its gradient."""
    loss = importance.new_zeros(())
    parts = (
        tensor.split(SOFTMAX_ROWS[logits.device.type]) for tensor in (logits, targets[:, None], importance[:, None])
    )
    for part, target, weight in zip(*parts, strict=True):
        precise = part.to(loss.dtype)
        probability = precise.softmax(dim=1)
        below_top = precise.amax(dim=1, keepdim=True) - precise.gather(1, target)
        loss += ((below_top - probability.amax(dim=1, keepdim=True).log()) * weight).sum()
        part.copy_(probability.mul_(weight).scatter_add_(1, target, -weight))
    return loss
