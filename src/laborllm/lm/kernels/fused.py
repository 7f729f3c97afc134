"""Fused layers: those of a model with an adapter, computed in fewer and larger steps than in peft and transformers.

A probe first runs the model over a few tokens and records the input and output of each layer. A layer is replaced where
its fused form gives the same output; any other keeps its own forward pass.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import Linear as LoRALayer
from torch import Tensor, nn
from transformers import PreTrainedModel

from laborllm.lm.kernels.attention import AttentionPattern, context_length
from laborllm.lm.kernels.lora_linear import lora_linear
from laborllm.lm.kernels.packed_attention import PackedAttention
from laborllm.lm.kernels.rms_norm import rms_norm
from laborllm.lm.kernels.rotary import apply_rotary

DEVICES = {"cpu"}  # on which fused layers are faster
TOKENS = 4  # of the probe
TOLERANCE = 1e-4  # times the largest number in the output of a layer


@contextmanager
def fused_layers(model: PreTrainedModel) -> Iterator[None]:
    """Use fused layers, where there are any, in `model`, which has an adapter from `add_adapter`."""
    fused = _fused(model) if model.device.type in DEVICES else {}
    for layer, forward in fused.items():
        layer.forward = forward
    try:
        yield
    finally:
        for layer in fused:
            del layer.forward


@torch.no_grad()
def _fused(model: PreTrainedModel) -> dict[nn.Module, Callable[..., Any]]:
    """The fused forward pass of each layer that has one."""
    stacks = [part for part in model.base_model.children() if isinstance(part, nn.ModuleList)]
    known = {layer: partial(form, layer) for stack in stacks for layer in stack.modules() if (form := _form(layer))}
    if not known:
        return {}
    calls: dict[nn.Module, _Call] = {}
    hooks = [layer.register_forward_hook(partial(_record, calls), with_kwargs=True) for layer in known]
    tokens = torch.arange(TOKENS, device=model.device)[None]
    far = context_length(model) - 1 - tokens  # where an error in the positions shows
    model.base_model(input_ids=tokens, position_ids=far, pattern=PackedAttention((TOKENS,)), use_cache=False)
    for hook in hooks:
        hook.remove()
    return {layer: known[layer] for layer, call in calls.items() if call.matches(known[layer])}


@dataclass(frozen=True)
class _Call:
    """The input of a layer in the probe, and its output."""

    given: tuple[Any, ...]
    named: dict[str, Any]
    output: Tensor

    def matches(self, forward: Callable[..., Any]) -> bool:
        try:
            output = _first(forward(*self.given, **self.named))
        except (AttributeError, RuntimeError, TypeError, ValueError):  # a layer that only resembles one of these
            return False
        return torch.allclose(output, self.output, rtol=0, atol=TOLERANCE * float(self.output.abs().max()))


def _record(
    calls: dict[nn.Module, _Call], layer: nn.Module, given: tuple[Any, ...], named: dict[str, Any], output: Any
) -> None:
    calls[layer] = _Call(given, named, _first(output).clone())


def _first(output: Any) -> Tensor:
    tensor: Tensor = output[0] if isinstance(output, tuple) else output
    return tensor


def _form(layer: nn.Module) -> Callable[..., Any] | None:
    """The fused form to try for a layer."""
    if _has_adapter(layer):
        return _single
    if hasattr(layer, "variance_epsilon") and not layer.weight.requires_grad:
        return _norm
    projections = (getattr(layer, name, None) for name in ("q_proj", "k_proj", "v_proj", "o_proj"))
    return _attention if all(map(_has_adapter, projections)) else None


def _has_adapter(layer: object) -> bool:
    return isinstance(layer, LoRALayer) and type(layer.base_layer) is nn.Linear


def _single(layer: Any, x: Tensor) -> Tensor:
    (output,) = lora_linear([layer], x)
    return output


def _norm(layer: Any, x: Tensor) -> Tensor:
    return rms_norm(x, layer.weight, layer.variance_epsilon)


def _attention(
    layer: Any,
    hidden_states: Tensor,
    position_embeddings: tuple[Tensor, Tensor],
    *,
    pattern: AttentionPattern,
    **_: Any,
) -> tuple[Tensor, None]:
    parts = lora_linear([layer.q_proj, layer.k_proj, layer.v_proj], hidden_states)
    query, key, value = (part.unflatten(-1, (-1, layer.head_dim)) for part in parts)  # (B, n, heads, d)
    query, key = getattr(layer, "q_norm", _itself)(query), getattr(layer, "k_norm", _itself)(key)
    query, key = apply_rotary(query, *position_embeddings), apply_rotary(key, *position_embeddings)
    query, key, value = (part.transpose(1, 2).to(value.dtype) for part in (query, key, value))
    dropout = layer.attention_dropout if layer.training else 0.0
    output = pattern.attend(layer.layer_idx, query, key, value, layer.scaling, dropout)
    return _single(layer.o_proj, output.transpose(1, 2).flatten(2)), None


def _itself(x: Tensor) -> Tensor:
    return x
