"""Attention over careers laid end to end, and over branches of titles that grow from them.

Any decoder of transformers calls the attention function that is registered here. A pass brings a layout, which says
what each token may see. On a CPU one career, or one record, is computed after the other and no mask is built; a GPU
computes all of them at once, as rows that are as long as the longest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel

from laborllm.errors import InputError
from laborllm.lm.kernels.blocked_attention import LONGEST, causal_attention

NAME = "laborllm"
CPU = torch.device("cpu")
ANY_SHAPE = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
"""Ways of attention on a GPU that need no plan for each new shape, which costs cuDNN more than the attention itself."""
AT_ONCE = {"cuda"}  # devices on which many small products take longer than a few with padding
BY_BLOCKS = {("cpu", torch.bfloat16)}  # where attention by blocks of queries is faster than torch's


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
    device: torch.device = CPU
    kept: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)  # layer -> (G, n, d) each

    @property
    def positions(self) -> Tensor:
        positions: Tensor = torch.cat([torch.arange(length) for length in self.lengths]).to(self.device)
        return positions[None]

    @property
    def bytes_per_token(self) -> int:
        """Memory of the keys and values that one token leaves in all layers."""
        return sum(2 * key[:, :1].numel() * key.element_size() for key, _ in self.kept.values())

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float) -> Tensor:
        if self.keep:
            self.kept[layer] = (key[0], value[0])
        at_once = len(self.lengths) > 1 and query.device.type in AT_ONCE
        kind = (query.device.type, value.dtype)
        if kind in BY_BLOCKS and not at_once and not dropout and max(self.lengths) <= LONGEST:
            return causal_attention(query[0], key[0], value[0], self.lengths, scale)[None]
        group = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(group, dim=1), value.repeat_interleave(group, dim=1)
        if at_once:
            q, k, v = (self._rows.spread(tensor[0]).transpose(0, 1) for tensor in (query, key, value))
            with sdpa_kernel(ANY_SHAPE):
                output = scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale, dropout_p=dropout)
            return self._rows.collect(output.transpose(0, 1))[None]
        parts = zip(*(tensor.split(self.lengths, dim=2) for tensor in (query, key, value)), strict=True)
        outputs = [
            scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale, dropout_p=dropout) for q, k, v in parts
        ]
        return torch.cat(outputs, dim=2)

    @cached_property
    def _rows(self) -> "Rows":
        return Rows(self.lengths, self.device)


@dataclass(frozen=True)
class Rows:
    """B sequences that lie end to end, of these lengths: to rows that are all as long as the longest, and back."""

    lengths: Sequence[int]
    device: torch.device

    @property
    def longest(self) -> int:
        return max(self.lengths)

    @cached_property
    def places(self) -> Tensor:
        """(n,) of each element in the rows laid end to end."""
        rows = [row * self.longest + torch.arange(length) for row, length in enumerate(self.lengths)]
        return torch.cat(rows).to(self.device)

    def spread(self, tensor: Tensor) -> Tensor:
        """(G, n, ...) to (G, B, longest, ...), zero where a row has ended."""
        rows = tensor.new_zeros(len(tensor), len(self.lengths) * self.longest, *tensor.shape[2:])
        spread: Tensor = rows.index_copy(1, self.places, tensor).unflatten(1, (-1, self.longest))
        return spread

    def collect(self, rows: Tensor) -> Tensor:
        """(G, B, longest, ...) to (G, n, ...)."""
        return rows.flatten(1, 2).index_select(1, self.places)


@dataclass
class Grown:
    """Keys and values of the nodes run so far, with room for more, up to `limit`: no pass copies those before it."""

    limit: int
    layers: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)  # layer -> (G, room, d) each

    def put(self, layer: int, first: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Keep key and value, (G, n, d), from place `first` on; returns all of the layer, what is unused included."""
        keys, values = self.layers.get(layer, (key[:, :0], value[:, :0]))
        end = first + key.shape[1]
        if keys.shape[1] < end:
            room = min(self.limit, 2 * end)
            keys, values = _with_room(keys, room), _with_room(values, room)
            self.layers[layer] = (keys, values)
        keys[:, first:end], values[:, first:end] = key, value
        return keys, values


@dataclass
class Branches:
    """Title branches in one row (B = 1): a node sees its record's prompt and its own ancestors.

    careers: the pass that read the prompts. prompts: for each of B records, (start, end) in that pass.
    sizes: how many nodes of this pass belong to each record. grown: the nodes of earlier passes, to which the n of this
    pass are added from place `first` on. ancestors: (n, D) of each node of this pass, itself last, as places in
    `grown`; padded with -1.
    """

    careers: Careers
    prompts: list[tuple[int, int]]
    sizes: list[int]
    ancestors: Tensor
    first: int
    grown: Grown

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float) -> Tensor:
        groups, nodes, width = key.shape[1:]
        own_keys, own_values = map(self._own, self.grown.put(layer, self.first, key[0], value[0]))  # (G, n, D, d)
        q = (query[0] * scale).reshape(groups, -1, nodes, width).transpose(1, 2).contiguous()  # (G, n, R, d)
        path = (q @ own_keys.mT).masked_fill_((self.ancestors < 0)[:, None], float("-inf"))
        attend = self._at_once if query.device.type in AT_ONCE else self._one_by_one
        output = attend(q, path, own_values, *self.careers.kept[layer])
        return output.transpose(1, 2).flatten(0, 1)[None]

    def _one_by_one(self, q: Tensor, path: Tensor, own_values: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """What q, (G, n, R, d), sees in its record's prompt, of all those in keys and values, and along its own path:
        scores (G, n, R, D) and values (G, n, D, d). Returns (G, n, R, d)."""
        output = values.new_empty(*q.shape[:3], values.shape[-1])
        parts = (tensor.split(self.sizes, dim=1) for tensor in (q, path, own_values, output))
        for (start, end), q_one, path_one, values_one, to in zip(self.prompts, *parts, strict=True):
            past = q_one.flatten(1, 2) @ keys[:, start:end].mT
            weight = _softmax(torch.cat([past.unflatten(1, q_one.shape[1:3]), path_one], dim=-1))
            from_past, from_path = weight.split([end - start, path.shape[-1]], dim=-1)
            seen = (from_past.flatten(1, 2) @ values[:, start:end]).unflatten(1, q_one.shape[1:3])
            to.copy_(seen + from_path @ values_one)
        return output

    def _at_once(self, q: Tensor, path: Tensor, own_values: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The same."""
        nodes, places, beyond = self._rows, self._prompt_places, self._beyond_prompt
        past = nodes.spread(q).flatten(2, 3) @ keys[:, places].mT  # (G, B, N R, L)
        past = past.masked_fill_(beyond, float("-inf")).unflatten(2, (nodes.longest, q.shape[2]))
        weight = _softmax(torch.cat([nodes.collect(past), path], dim=-1))
        from_past, from_path = weight.split([places.shape[1], path.shape[-1]], dim=-1)
        seen = nodes.spread(from_past).flatten(2, 3) @ values[:, places]
        output: Tensor = nodes.collect(seen.unflatten(2, (nodes.longest, q.shape[2]))) + from_path @ own_values
        return output

    @cached_property
    def _rows(self) -> Rows:
        return Rows(self.sizes, self.ancestors.device)

    @cached_property
    def _prompt_places(self) -> Tensor:
        """(B, L) the tokens of each prompt in the pass over careers, any where a prompt has ended."""
        starts, ends = torch.tensor(self.prompts, device=self.ancestors.device).T[:, :, None]
        step = torch.arange(max(end - start for start, end in self.prompts), device=starts.device)
        places: Tensor = (starts + step).minimum(ends - 1)
        return places

    @cached_property
    def _beyond_prompt(self) -> Tensor:
        """(B, 1, L) where a prompt has ended."""
        lengths = torch.tensor([end - start for start, end in self.prompts], device=self.ancestors.device)
        step = torch.arange(self._prompt_places.shape[1], device=lengths.device)
        return step >= lengths[:, None, None]

    def _own(self, grown: Tensor) -> Tensor:
        """Keys or values, (G, room, d), of each node's ancestors, (G, n, D, d)."""
        groups, room, _ = grown.shape
        beginning = room * torch.arange(groups, device=grown.device)[:, None, None]
        places = beginning + self.ancestors.clamp(min=0)
        return grown.flatten(0, 1).index_select(0, places.flatten()).reshape(*places.shape, -1)


def _with_room(grown: Tensor, room: int) -> Tensor:
    larger = grown.new_empty(grown.shape[0], room, grown.shape[2])
    larger[:, : grown.shape[1]] = grown
    return larger


def _softmax(scores: Tensor) -> Tensor:
    """In float32 at least, as scaled_dot_product_attention has it."""
    return scores.to(torch.promote_types(scores.dtype, torch.float32)).softmax(dim=-1).to(scores.dtype)


def use_layouts(model: PreTrainedModel) -> None:
    """Make `model` attend as each pass's layout says: `model(..., layout=...)`. Raises `InputError` if it cannot."""
    AttentionInterface.register(NAME, _attention)
    config = model.config.get_text_config()
    for feature in ("attn_logit_softcapping", "attention_chunk_size", "layers_block_type", "linear_num_key_heads"):
        if getattr(config, feature, None) is not None:
            raise InputError(
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
        raise InputError("models with attention soft-capping or sinks cannot be scored exactly")
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    query, key = query.to(value.dtype), key.to(value.dtype)
    output = layout.attend(int(module.layer_idx), query, key, value, scale, dropout)  # type: ignore[arg-type]
    return output.transpose(1, 2), None
