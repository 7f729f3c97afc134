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
    """B records, each with the N inner nodes of the trie: a node sees its record's prompt and its own ancestors.

    prompts: where each record's prompt stands in the careers' row, (start, end). ancestors: (N, D), padded with -1.
    """

    careers: Careers
    prompts: list[tuple[int, int]]
    ancestors: Tensor

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float) -> Tensor:
        keys, values = self.careers.kept[layer]
        records = [
            self._attend_record(query[b], key[b], value[b], keys[:, start:end], values[:, start:end], scale)
            for b, (start, end) in enumerate(self.prompts)
        ]
        return torch.stack(records)

    def _attend_record(
        self, query: Tensor, key: Tensor, value: Tensor, prompt_key: Tensor, prompt_value: Tensor, scale: float
    ) -> Tensor:
        heads, nodes, width = query.shape
        groups = key.shape[0]
        q = query.reshape(groups, -1, nodes, width)  # (G, H/G, N, d)
        own = self.ancestors.clamp(min=0)
        own_key, own_value = key[:, own], value[:, own]  # (G, N, D, d)
        past = (q.reshape(groups, -1, width) @ prompt_key.mT).view(groups, -1, nodes, prompt_key.shape[1])
        path = torch.einsum("ghnd,gnkd->ghnk", q, own_key).masked_fill(self.ancestors < 0, float("-inf"))
        weight = torch.cat([past, path], dim=-1).float().mul(scale).softmax(dim=-1).to(value.dtype)
        from_past, from_path = weight.split([past.shape[-1], path.shape[-1]], dim=-1)
        output: Tensor = (from_past.reshape(groups, -1, past.shape[-1]) @ prompt_value).view(q.shape)
        output = output + torch.einsum("ghnk,gnkd->ghnd", from_path, own_value)
        return output.reshape(heads, nodes, width)


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
