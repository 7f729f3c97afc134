"""Next-token loss over a large vocabulary, its gradient taken while the logits are there.

The logits of a pack (tokens x vocabulary) are the largest tensor of training. They exist once, for a few rows at a
time: the softmax that the loss needs is the gradient too.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from laborllm.lm.pass_sizes import ROWS_OF_LOGITS


def next_token_loss(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, importance: Tensor) -> Tensor:
    """Cross-entropy in nats of softmax(hidden @ weight.T + bias) at `targets`, summed with weights `importance`:
    hidden (n, d), weight (V, d), targets and importance (n,)."""
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
        step = ROWS_OF_LOGITS[hidden.device.type]
        in_products = _rounded(weight)
        for start in range(0, len(hidden), step):
            rows = slice(start, start + step)
            logits = linear(hidden[rows], in_products, bias).to(loss.dtype)
            at_target = logits.gather(1, targets[rows, None])
            top = logits.amax(dim=1, keepdim=True)
            total = logits.sub_(top).exp_().sum(dim=1, keepdim=True)
            by_row = importance[rows, None].to(loss.dtype)
            loss += ((total.log() + top - at_target) * by_row).sum()
            gradient = logits.div_(total)
            gradient[torch.arange(len(gradient), device=gradient.device), targets[rows]] -= 1
            gradient = gradient.mul_(by_row).to(hidden.dtype)
            if for_hidden is not None:
                for_hidden[rows] = gradient.to(in_products.dtype) @ in_products
            if for_weight is not None:
                for_weight += gradient.T @ hidden[rows]
            if for_bias is not None:
                for_bias += gradient.sum(dim=0)
        ctx.gradients = (for_hidden, for_weight, for_bias)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        return (*(gradient if gradient is None else gradient * scale for gradient in ctx.gradients), None, None)


def _rounded(weight: Tensor) -> Tensor:
    """As autocast has it in products, once for all of them."""
    device = weight.device.type
    return weight.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else weight
