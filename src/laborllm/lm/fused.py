"""Linear layers with an adapter, as one step of the forward pass and one of the backward pass.

peft computes a layer and its adapter apart, and torch rounds, scales and adds up what they give, tensor by tensor. Here
the product of the adapter adds to the output of the layer, and its gradient to that of the layer, in place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import Linear as AdaptedLayer
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

DEVICES = {"cpu"}  # on which this was found to be faster


@contextmanager
def fused_adapters(model: nn.Module) -> Iterator[None]:
    """Compute the linear layers of `model` that `add_adapter` has adapted in one step each."""
    layers = [layer for layer in model.modules() if _can_be_fused(layer)]
    for layer in layers:
        layer.forward = partial(_adapted, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _can_be_fused(layer: nn.Module) -> bool:
    return (
        isinstance(layer, AdaptedLayer)
        and type(layer.base_layer) is nn.Linear
        and layer.base_layer.weight.device.type in DEVICES
    )


def _adapted(layer: Any, x: Tensor) -> Tensor:
    (name,) = layer.active_adapters
    base, down, up = layer.base_layer, layer.lora_A[name].weight, layer.lora_B[name].weight
    output: Tensor = _Adapted.apply(x, base.weight, base.bias, down, up, layer.scaling[name])  # type: ignore[no-untyped-call]
    return output


class _Adapted(torch.autograd.Function):
    """x @ (weight + scale * up @ down).T + bias, for x (..., i), weight (o, i), bias (o,), down (r, i) and up (o, r);
    weight and bias are not trained."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scale: float
    ) -> Tensor:
        device = x.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
        rows, weight, down, up = (tensor.to(dtype) for tensor in (x.flatten(0, -2), weight, down, up * scale))
        with torch.autocast(device, enabled=False):
            narrow = linear(rows, down)
            output = linear(rows, weight, None if bias is None else bias.to(dtype)).addmm_(narrow, up.T)
        ctx.save_for_backward(rows, weight, down, up, narrow)
        ctx.scale = scale
        return output.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight, down, up, narrow = ctx.saved_tensors
        at_output = gradient.flatten(0, -2)
        at_narrow = at_output @ up
        at_x = None
        if ctx.needs_input_grad[0]:
            at_x = (at_output @ weight).addmm_(at_narrow, down).view(*gradient.shape[:-1], -1)
        return at_x, None, None, at_narrow.T @ rows, (at_output.T @ narrow).mul_(ctx.scale), None
