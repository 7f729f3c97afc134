"""Attention over careers laid end to end, and over branches of titles that grow from them.

Any decoder of transformers calls the attention function that is registered here. A pass brings a layout, which says
what each token may see; no mask is ever built.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel

from laborllm.errors import ModelError

NAME = "laborllm"


class Layout(Protocol):
    """What the tokens of one pass may attend to."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float) -> Tensor:
        """Query (B, H, n, d), key and value (B, G, n, d) with G dividing H; returns (B, H, n, d)."""
        ...


@dataclass
class Careers:
    """Careers in one row (B = 1), each causal and blind to the others. With `keep`, keys and values stay."""

    lengths: tuple[int, ...]
    keep: bool = False
    kept: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)  # layer -> (G, n, d) each

    @property
    def positions(self) -> Tensor:
        return torch.cat([torch.arange(length) for length in self.lengths])[None]

    @property
    def bytes_per_token(self) -> int:
        """Memory of the keys and values that one token leaves in all layers."""
        return sum(2 * key[:, :1].numel() * key.element_size() for key, _ in self.kept.values())

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float) -> Tensor:
        if self.keep:
            self.kept[layer] = (key[0], value[0])
        group = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(group, dim=1), value.repeat_interleave(group, dim=1)
        parts = zip(*(tensor.split(self.lengths, dim=2) for tensor in (query, key, value)), strict=True)
        outputs = [
            scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale, dropout_p=dropout) for q, k, v in parts
        ]
        return torch.cat(outputs, dim=2)


@dataclass
class Branches:
    """Title branches in one row (B = 1): a node sees its record's prompt and its own ancestors.

    careers: the pass that read the prompts. prompts: for each of B records, (start, end) in that pass.
    sizes: how many nodes of this pass belong to each record. grown: the nodes of earlier passes, to which those of this
    pass are added. ancestors: (n, D) of each node of this pass, itself last, as places in `grown`; padded with -1.
    """

    careers: Careers
    prompts: list[tuple[int, int]]
    sizes: list[int]
    ancestors: Tensor
    grown: dict[int, tuple[Tensor, Tensor]]  # layer -> (G, m, d) each

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float) -> Tensor:
        keys, values = self._grow(layer, key[0], value[0])
        prompt_keys, prompt_values = self.careers.kept[layer]
        groups, _, width = key.shape[1:]
        q = query[0].reshape(groups, -1, query.shape[2], width)  # (G, H/G, n, d)
        beyond = self.ancestors < 0
        own = self.ancestors.clamp(min=0)
        path = torch.einsum("ghnd,gnkd->ghnk", q, keys[:, own]).masked_fill(beyond, float("-inf"))
        own_values = values[:, own]  # (G, n, D, d)
        outputs = []
        parts = (tensor.split(self.sizes, dim=d) for tensor, d in ((q, 2), (path, 2), (own_values, 1)))
        for (start, end), q_one, path_one, values_one in zip(self.prompts, *parts, strict=True):
            past = q_one @ prompt_keys[:, None, start:end].mT
            weight = _softmax(torch.cat([past, path_one], dim=-1) * scale)
            from_past, from_path = weight.split([end - start, path.shape[-1]], dim=-1)
            output = from_past @ prompt_values[:, None, start:end]
            outputs.append(output + torch.einsum("ghnk,gnkd->ghnd", from_path, values_one))
        return torch.cat(outputs, dim=2).reshape(query.shape)

    def _grow(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        if layer in self.grown:
            keys, values = self.grown[layer]
            key, value = torch.cat([keys, key], dim=1), torch.cat([values, value], dim=1)
        self.grown[layer] = (key, value)
        return key, value


def _softmax(scores: Tensor) -> Tensor:
    """In float32 at least, as scaled_dot_product_attention has it."""
    return scores.to(torch.promote_types(scores.dtype, torch.float32)).softmax(dim=-1).to(scores.dtype)


def use_layouts(model: PreTrainedModel) -> None:
    """Make `model` attend as each pass's layout says: `model(..., layout=...)`. Raises `ModelError` if it cannot."""
    AttentionInterface.register(NAME, _attention)
    config = model.config.get_text_config()
    for feature in ("attn_logit_softcapping", "attention_chunk_size", "layers_block_type", "linear_num_key_heads"):
        if getattr(config, feature, None) is not None:
            raise ModelError(
                f"{model.config.model_type} models cannot be scored exactly: their {feature} is not supported"
            )
    model.set_attn_implementation(NAME)


def context_length(model: PreTrainedModel) -> int:
    """The longest career that `model` reads as plain causal attention, in tokens."""
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    if getattr(config, "use_sliding_window", True) is False:
        window = None
    return int(min(config.max_position_embeddings, window or config.max_position_embeddings))


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    layout: Layout,
    scaling: float | None = None,
    dropout: float = 0.0,
    **others: Any,
) -> tuple[Tensor, None]:
    if others.get("softcap") is not None or others.get("s_aux") is not None:
        raise ModelError("models with attention soft-capping or sinks cannot be scored exactly")
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    query, key = query.to(value.dtype), key.to(value.dtype)
    output = layout.attend(int(module.layer_idx), query, key, value, scale, dropout)  # type: ignore[arg-type]
    return output.transpose(1, 2), None
