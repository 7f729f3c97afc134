"""Prefix-tree attention: nodes of a tree of tokens that continue prompts which an earlier pass has read.

Each node sees its record's prompt and its own ancestors, so a prefix that many continuations share is computed once.
"""

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from laborllm.lm.kernels.packed_attention import PackedAttention
from laborllm.lm.kernels.padding import Padding, is_padded

IN_BLOCKS = 2**18
"""Attention weights of a group beyond which a CPU computes them in blocks, as they no longer stay in its cache; of
numbers of two bytes, which it would convert in every step, all are."""


@dataclass
class KVCache:
    """Keys and values of the nodes run so far, with room for more, up to `limit` nodes: no pass copies earlier ones."""

    limit: int
    layers: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)  # layer -> (G, room, d) each

    def append(self, layer: int, first: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store keys and values of new nodes.

        Args:
            layer: Number of the layer.
            first: Place of the first of the n nodes.
            key: (G, n, d).
            value: (G, n, d).

        Returns:
            All keys and values of the layer, (G, room, d) each, unused room included.
        """
        keys, values = self.layers.get(layer, (key[:, :0], value[:, :0]))
        end = first + key.shape[1]
        if keys.shape[1] < end:
            room = min(self.limit, 2 * end)
            keys, values = _with_room(keys, room), _with_room(values, room)
            self.layers[layer] = (keys, values)
        keys[:, first:end], values[:, first:end] = key, value
        return keys, values


@dataclass
class TreeAttention:
    """Nodes of a tree in one row (B = 1), n in this pass.

    Attributes:
        prefix: The pass over the prompts, which stored their keys and values.
        prompts: For each of the records of this pass, (start, end) of its prompt in that pass.
        sizes: How many nodes of this pass belong to each record.
        ancestors: (n, D) each node's path from the root, itself last, as places in `cache`; padded with -1.
        first: Place in `cache` of the first node of this pass.
        cache: Keys and values of the nodes of earlier passes, to which those of this pass are appended.
    """

    prefix: PackedAttention
    prompts: list[tuple[int, int]]
    sizes: list[int]
    ancestors: Tensor
    first: int
    cache: KVCache

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float) -> Tensor:
        """Attention of each node to its record's prompt and to its own ancestors.

        Args:
            layer: Number of the layer.
            query: (1, H, n, d).
            key: (1, G, n, d), with G dividing H.
            value: (1, G, n, d).
            scale: Of the scores.
            dropout: Not used: nothing is trained through a tree.

        Returns:
            (1, H, n, d).
        """
        groups, nodes, width = key.shape[1:]
        own_keys, own_values = map(self._paths, self.cache.append(layer, self.first, key[0], value[0]))  # (G, n, D, d)
        q = (query[0] * scale).reshape(groups, -1, nodes, width).transpose(1, 2).contiguous()  # (G, n, R, d)
        path = (q @ own_keys.mT).masked_fill_((self.ancestors < 0)[:, None], float("-inf"))
        attend = self._padded if is_padded(query.device) else self._one_by_one
        output = attend(q, path, own_values, *self.prefix.kv[layer])
        return output.transpose(1, 2).flatten(0, 1)[None]

    def _one_by_one(self, q: Tensor, path: Tensor, own_values: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attention of q, (G, n, R, d), to its record's prompt, a part of keys and values, and along its own path:
        scores (G, n, R, D) and values (G, n, D, d). Returns (G, n, R, d)."""
        output = values.new_empty(*q.shape[:3], values.shape[-1])
        parts = (tensor.split(self.sizes, dim=1) for tensor in (q, path, own_values, output))
        for (start, end), q_one, path_one, values_one, to in zip(self.prompts, *parts, strict=True):
            to.copy_(_of_record(q_one, path_one, values_one, keys[:, start:end], values[:, start:end]))
        return output

    def _padded(self, q: Tensor, path: Tensor, own_values: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """What `_one_by_one` returns, with all records in one padded batch."""
        nodes, places, beyond = self._padding, self._prompt_places, self._beyond_prompt
        past = nodes.pad(q).flatten(2, 3) @ keys[:, places].mT  # (G, B, N R, L)
        past = past.masked_fill_(beyond, float("-inf")).unflatten(2, (nodes.longest, q.shape[2]))
        weight = _softmax(torch.cat([nodes.unpad(past), path], dim=-1))
        from_past, from_path = weight.split([places.shape[1], path.shape[-1]], dim=-1)
        seen = nodes.pad(from_past).flatten(2, 3) @ values[:, places]
        output: Tensor = nodes.unpad(seen.unflatten(2, (nodes.longest, q.shape[2]))) + from_path @ own_values
        return output

    @cached_property
    def _padding(self) -> Padding:
        return Padding(self.sizes, self.ancestors.device)

    @cached_property
    def _prompt_places(self) -> Tensor:
        """(B, L) the tokens of each prompt in the pass that read them, any where a prompt has ended."""
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

    def _paths(self, cached: Tensor) -> Tensor:
        """Keys or values, (G, room, d), of each node's ancestors, (G, n, D, d)."""
        groups, room, _ = cached.shape
        beginning = room * torch.arange(groups, device=cached.device)[:, None, None]
        places = beginning + self.ancestors.clamp(min=0)
        return cached.flatten(0, 1).index_select(0, places.flatten()).reshape(*places.shape, -1)


def _of_record(q: Tensor, path: Tensor, own_values: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attention of the nodes of one record to its prompt, (G, L, d), and along their own paths, (G, n, R, d)."""
    weights, is_short = q.shape[1] * q.shape[2] * keys.shape[1], q.element_size() < 4
    return (_in_blocks if weights > IN_BLOCKS or is_short else _at_once)(q, path, own_values, keys, values)


def _at_once(q: Tensor, path: Tensor, own_values: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    past = (q.flatten(1, 2) @ keys.mT).unflatten(1, q.shape[1:3])
    from_past, from_path = _softmax(torch.cat([past, path], dim=-1)).split([keys.shape[1], path.shape[-1]], dim=-1)
    output: Tensor = (from_past.flatten(1, 2) @ values).unflatten(1, q.shape[1:3]) + from_path @ own_values
    return output


def _in_blocks(q: Tensor, path: Tensor, own_values: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Flash attention (arXiv 2205.14135) to the prompt, of which no more than a block of weights is in memory, and what
    paths add, each by its share of the sum that the softmax divides by."""
    flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    seen, past = flash(
        q.flatten(1, 2)[None], keys[None], values[None], scale=1.0
    )  # past: logarithms of sums, (1, G, n R)
    path = path.to(past.dtype)
    share = (past[0].unflatten(1, q.shape[1:3])[..., None] - path.logsumexp(dim=-1, keepdim=True)).sigmoid()
    along = path.softmax(dim=-1).to(q.dtype) @ own_values
    output: Tensor = seen[0].unflatten(1, q.shape[1:3]) * share + along * (1 - share)
    return output.to(q.dtype)


def _with_room(cached: Tensor, room: int) -> Tensor:
    larger = cached.new_empty(cached.shape[0], room, cached.shape[2])
    larger[:, : cached.shape[1]] = cached
    return larger


def _softmax(scores: Tensor) -> Tensor:
    """In float32 at least, as in `scaled_dot_product_attention`."""
    return scores.to(torch.promote_types(scores.dtype, torch.float32)).softmax(dim=-1).to(scores.dtype)
