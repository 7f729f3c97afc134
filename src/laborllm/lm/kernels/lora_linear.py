"""Linear layers with a LoRA adapter (arXiv 2106.09685), as one step each of the forward and the backward pass.

peft computes a layer and its adapter apart, and torch casts, scales and adds their outputs, tensor by tensor. Here the
product of the adapter is added to the output of the layer in place, and so are their gradients. Layers that
read the same input share the narrow products, which are too small to be fast by themselves.
"""

from collections.abc import Sequence
from typing import Any

import torch
from peft.tuners.lora import Linear as LoRALayer
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from laborllm.lm.kernels.precision import cast, matmul_dtype


def lora_linear(layers: Sequence[LoRALayer], x: Tensor) -> tuple[Tensor, ...]:
    """Outputs of layers that read the same x (..., i), one (..., o) each; their own weights are not trained."""
    ((name,),) = {tuple(layer.active_adapters) for layer in layers}
    downs: list[Any] = [layer.lora_A[name].weight for layer in layers]
    ups = [layer.lora_B[name].weight for layer in layers]
    frozen = [(layer.base_layer.weight, layer.base_layer.bias, layer.scaling[name]) for layer in layers]
    outputs: tuple[Tensor, ...] = _LoRALinear.apply(x, frozen, torch.cat(downs), *ups)  # type: ignore[no-untyped-call]
    return outputs


class _LoRALinear(torch.autograd.Function):
    """x @ (weight + scale * up @ down).T + bias of each layer, for x (..., i), weight (o, i), bias (o,) and scale in
    `frozen`, up (o, r), and the rows of its down (r, i) among the rows of all layers."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, frozen: Sequence[tuple[Tensor, Tensor | None, float]], down: Tensor, *ups: Tensor
    ) -> tuple[Tensor, ...]:
        dtype = matmul_dtype(x)
        rows, down = x.flatten(0, -2).to(dtype), down.to(dtype)
        weights = [cast(weight) for weight, _, _ in frozen]
        biases = [None if bias is None else cast(bias) for _, bias, _ in frozen]
        scales = [scale for _, _, scale in frozen]
        scaled = [(up * scale).to(dtype) for up, scale in zip(ups, scales, strict=True)]
        with torch.autocast(x.device.type, enabled=False):
            narrow = linear(rows, down).split([up.shape[1] for up in ups], dim=1)
            parts = zip(weights, biases, narrow, scaled, strict=True)
            outputs = [linear(rows, weight, bias).addmm_(part, up.T) for weight, bias, part, up in parts]
        ctx.save_for_backward(rows, down, *narrow, *weights, *scaled)
        ctx.scales = scales
        return tuple(output.view(*x.shape[:-1], -1) for output in outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        rows, down, *saved = ctx.saved_tensors
        count = len(ctx.scales)
        narrow, weights, scaled = saved[:count], saved[count : 2 * count], saved[2 * count :]
        at_outputs = [gradient.flatten(0, -2) for gradient in gradients]
        at_narrow = torch.cat([at @ up for at, up in zip(at_outputs, scaled, strict=True)], dim=1)
        at_x = None
        if ctx.needs_input_grad[0]:
            at_rows = at_outputs[0] @ weights[0]
            for at, weight in zip((*at_outputs[1:], at_narrow), (*weights[1:], down), strict=True):
                at_rows.addmm_(at, weight)
            at_x = at_rows.view(*gradients[0].shape[:-1], -1)
        at_ups = [(part.T @ at).mul_(scale).T for at, part, scale in zip(at_outputs, narrow, ctx.scales, strict=True)]
        return at_x, None, at_narrow.T @ rows, *at_ups
