"""Layers of a model with an adapter, computed in fewer and larger steps than peft and transformers do.

The model is first run over a few tokens, to see what each layer is given and what it makes of it. A layer is replaced
where what stands here for layers of its form makes the same of the same; any other keeps its own forward pass.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import Linear as AdaptedLayer
from torch import Tensor, nn
from transformers import PreTrainedModel

from laborllm.lm.kernels.attention import Careers, Layout, context_length
from laborllm.lm.kernels.lora_linear import adapted
from laborllm.lm.kernels.rms_norm import normed
from laborllm.lm.kernels.rotary import rotated

DEVICES = {"cpu"}  # on which this was found to be faster
TOKENS = 4  # of the pass in which layers are compared
TOLERANCE = 1e-4  # times the largest number in what a layer gives


@contextmanager
def fused_layers(model: PreTrainedModel) -> Iterator[None]:
    """Compute in one step each, where that is possible, the layers of `model`, which `add_adapter` has adapted."""
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
    """How to compute layers in one step, for those of which that is known."""
    stacks = [part for part in model.base_model.children() if isinstance(part, nn.ModuleList)]
    known = {layer: partial(form, layer) for stack in stacks for layer in stack.modules() if (form := _form(layer))}
    if not known:
        return {}
    calls: dict[nn.Module, _Call] = {}
    hooks = [layer.register_forward_hook(partial(_record, calls), with_kwargs=True) for layer in known]
    tokens = torch.arange(TOKENS, device=model.device)[None]
    far = context_length(model) - 1 - tokens  # where what depends on the position shows
    model.base_model(input_ids=tokens, position_ids=far, layout=Careers((TOKENS,)), use_cache=False)
    for hook in hooks:
        hook.remove()
    return {layer: known[layer] for layer, call in calls.items() if call.is_answered_by(known[layer])}


@dataclass(frozen=True)
class _Call:
    """What a layer was given, and what it made of it."""

    given: tuple[Any, ...]
    named: dict[str, Any]
    output: Tensor

    def is_answered_by(self, forward: Callable[..., Any]) -> bool:
        try:
            output = _first(forward(*self.given, **self.named))
        except (AttributeError, RuntimeError, TypeError, ValueError):  # a layer that only looks like one of these
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
    """What may stand for a layer."""
    if _is_adapted(layer):
        return _single
    if hasattr(layer, "variance_epsilon") and not layer.weight.requires_grad:
        return _norm
    projections = (getattr(layer, name, None) for name in ("q_proj", "k_proj", "v_proj", "o_proj"))
    return _attention if all(map(_is_adapted, projections)) else None


def _is_adapted(layer: object) -> bool:
    return isinstance(layer, AdaptedLayer) and type(layer.base_layer) is nn.Linear


def _single(layer: Any, x: Tensor) -> Tensor:
    (output,) = adapted([layer], x)
    return output


def _norm(layer: Any, x: Tensor) -> Tensor:
    return normed(x, layer.weight, layer.variance_epsilon)


def _attention(
    layer: Any, hidden_states: Tensor, position_embeddings: tuple[Tensor, Tensor], *, layout: Layout, **_: Any
) -> tuple[Tensor, None]:
    parts = adapted([layer.q_proj, layer.k_proj, layer.v_proj], hidden_states)
    query, key, value = (part.unflatten(-1, (-1, layer.head_dim)) for part in parts)  # (B, n, heads, d)
    query, key = getattr(layer, "q_norm", _itself)(query), getattr(layer, "k_norm", _itself)(key)
    query, key = rotated(query, *position_embeddings), rotated(key, *position_embeddings)
    query, key, value = (part.transpose(1, 2).to(value.dtype) for part in (query, key, value))
    dropout = layer.attention_dropout if layer.training else 0.0
    output = layout.attend(layer.layer_idx, query, key, value, layer.scaling, dropout)
    return _single(layer.o_proj, output.transpose(1, 2).flatten(2)), None


def _itself(x: Tensor) -> Tensor:
    return x
