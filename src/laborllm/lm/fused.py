"""Linear layers with an adapter, as one step each of the forward and the backward pass.

peft computes a layer and its adapter apart, and torch casts, scales and adds up what they give tensor by tensor. Here
the adapter is added to the layer's own output, and its gradient to the layer's own, by the product that gives it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import Linear as AdaptedLinear
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

DEVICES = {"cpu"}


@contextmanager
def fused_adapters(model: nn.Module) -> Iterator[None]:
    """Compute the adapted layers of `model` in one step where they are linear and adapted plainly."""
    layers = [layer for layer in model.modules() if _is_plain(layer)]
    for layer in layers:
        layer.forward = partial(_adapted, layer)  # type: ignore[assignment, arg-type]
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _is_plain(layer: nn.Module) -> bool:
    """A linear layer with one low-rank adapter, and nothing else that peft can do to it."""
    return (
        type(layer) is AdaptedLinear
        and type(layer.base_layer) is nn.Linear
        and layer.base_layer.weight.device.type in DEVICES
        and not layer.base_layer.weight.requires_grad
        and layer.active_adapters == list(layer.lora_A)
        and not layer.merged
        and not layer.lora_variant
        and all(isinstance(dropout, nn.Identity) for dropout in layer.lora_dropout.values())
        and not any(layer.lora_bias.values())
    )


def _adapted(layer: AdaptedLinear, x: Tensor) -> Tensor:
    (name,) = layer.active_adapters
    down, up, scale = layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name]
    output: Tensor = _Adapted.apply(x, layer.base_layer.weight, layer.base_layer.bias, down, up, scale)  # type: ignore[no-untyped-call]
    return output


class _Adapted(torch.autograd.Function):
    """x (..., i), weight (o, i), bias (o,), down (r, i), up (o, r)."""

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
        return output.unflatten(0, x.shape[:-1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, down, up, narrow = ctx.saved_tensors
        rows = gradient.flatten(0, -2)
        for_narrow = rows @ up
        for_down, for_up = for_narrow.T @ x, (rows.T @ narrow).mul_(ctx.scale)
        for_x = None
        if ctx.needs_input_grad[0]:
            for_x = (rows @ weight).addmm_(for_narrow, down).unflatten(0, gradient.shape[:-1])
        return for_x, None, None, for_down, for_up, None
