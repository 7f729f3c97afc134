"""Linear layers with an adapter, and the norms before them, as one step each of the forward and the backward pass.

peft computes a layer and its adapter apart, and torch rounds, scales and adds up what they give, tensor by tensor. Here
the product of the adapter adds to the output of the layer, and its gradient to that of the layer, in place; and a norm
gives what the products take, so that it is rounded once for all layers that read it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import Linear as AdaptedLayer
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear, rms_norm
from transformers import PreTrainedModel

DEVICES = {"cpu"}  # on which this was found to be faster


@contextmanager
def fused_layers(model: PreTrainedModel) -> Iterator[None]:
    """Compute in one step each, where that is possible, the layers of `model`, which `add_adapter` has adapted."""
    body = model.base_model
    stacked = [layer for stack in body.children() if isinstance(stack, nn.ModuleList) for layer in stack.modules()]
    layers = {layer: forward for layer in stacked if model.device.type in DEVICES and (forward := _fused(layer))}
    for layer, forward in layers.items():
        layer.forward = partial(forward, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _fused(layer: nn.Module) -> Callable[[Any, Tensor], Tensor] | None:
    """How to compute a layer in one step, if that is known."""
    if isinstance(layer, AdaptedLayer) and type(layer.base_layer) is nn.Linear:
        return _adapted
    return _normed if _is_frozen_norm(layer) else None


def _is_frozen_norm(layer: Any) -> bool:
    """Whether a layer divides by the root mean square and multiplies by a weight that is not trained."""
    if not hasattr(layer, "variance_epsilon") or layer.weight.requires_grad:
        return False
    row = torch.linspace(-1, 2, len(layer.weight), device=layer.weight.device)
    return torch.allclose(layer(row).float(), rms_norm(row, row.shape, layer.weight.float(), layer.variance_epsilon))


def _dtype(x: Tensor) -> torch.dtype:
    """That of products with x."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype


def _normed(layer: Any, x: Tensor) -> Tensor:
    output: Tensor = _Normed.apply(x, layer.weight, layer.variance_epsilon)  # type: ignore[no-untyped-call]
    return output


class _Normed(torch.autograd.Function):
    """weight * x / sqrt(mean of x squared + epsilon), for x (..., d) and weight (d,), in float32 and then rounded."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        wide = x.float()
        mean_square = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square() / len(weight)
        inverse = (mean_square + epsilon).rsqrt()
        unit = wide * inverse
        ctx.save_for_backward(unit, inverse, weight)
        output: Tensor = (unit * weight).to(_dtype(x))
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        unit, inverse, weight = ctx.saved_tensors
        at_unit = (gradient * weight).float()
        along = torch.linalg.vecdot(at_unit, unit)[..., None] / -len(weight)
        return at_unit.addcmul_(unit, along).mul_(inverse), None, None


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
        dtype = _dtype(x)
        rows, weight, down, up = (tensor.to(dtype) for tensor in (x.flatten(0, -2), weight, down, up * scale))
        with torch.autocast(x.device.type, enabled=False):
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
