"""Causal attention on a CPU, by blocks of queries.

The fused attention of torch visits the keys in small steps and recomputes its weights for the gradient, which on a CPU
takes twice as long as the products it is made of. Here a block of queries is one product with all keys up to its end,
query heads that share a key head are rows of the same product, and the weights are stored for the gradient.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

BLOCK = 128  # queries: more waste products on what none may see, fewer make them small
LONGEST = 2048  # tokens of a sequence whose weights, half its square for each head, are worth their memory


def causal_attention(query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int], scale: float) -> Tensor:
    """Attention of packed sequences, each causal and blind to the others, with scores and softmax in float32 at least.

    Args:
        query: (H, n, d).
        key: (G, n, d), with G dividing H.
        value: (G, n, d).
        lengths: Of the sequences, which add up to n.
        scale: Of the scores.

    Returns:
        (H, n, d).
    """
    by_group = query.unflatten(0, (len(key), -1))
    output: Tensor = _CausalAttention.apply(by_group, key, value, lengths, scale)  # type: ignore[no-untyped-call]
    return output.flatten(0, 1)


class _CausalAttention(torch.autograd.Function):
    """Query (G, R, n, d) for R query heads of each key head."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int], scale: float) -> Tensor:
        dtype, key, value = value.dtype, key.contiguous(), value.contiguous()
        precision = torch.promote_types(dtype, torch.float32)
        precise_query, scaled_key = query.to(precision).contiguous(), key.to(precision) * scale
        output = _like(query, dtype, value.shape[-1])
        future = torch.full((BLOCK, BLOCK), float("-inf"), dtype=precision, device=query.device).triu(1)
        weights = []
        with torch.autocast(query.device.type, enabled=False):
            for start, first, end in _blocks(lengths):
                score = _rows(precise_query, first, end) @ scaled_key[:, start:end].mT
                score.unflatten(1, (-1, end - first))[..., first - start :] += future[: end - first, : end - first]
                weight = score.softmax(dim=-1).to(dtype)
                output[:, :, first:end] = (weight @ value[:, start:end]).unflatten(1, (-1, end - first))
                weights.append(weight)
        ctx.save_for_backward(query, key, value, *weights)
        ctx.lengths, ctx.scale = lengths, scale
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, *weights = ctx.saved_tensors
        precision = torch.promote_types(value.dtype, torch.float32)
        for_query = _like(query, value.dtype, key.shape[-1])
        for_key, for_value = (_like(of, precision, of.shape[-1]).zero_() for of in (key, value))
        for (start, first, end), weight in zip(_blocks(ctx.lengths), weights, strict=True):
            rows = _rows(gradient, first, end)
            for_value[:, start:end] += weight.mT @ rows
            for_weight = rows @ value[:, start:end].mT
            for_score = torch.ops.aten._softmax_backward_data(for_weight, weight, -1, weight.dtype)
            for_query[:, :, first:end] = (for_score @ key[:, start:end]).unflatten(1, (-1, end - first))
            for_key[:, start:end] += for_score.mT @ _rows(query, first, end)
        return for_query.mul_(ctx.scale), for_key.mul_(ctx.scale).to(key.dtype), for_value.to(value.dtype), None, None


def _blocks(lengths: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """For each block of queries: the start of its sequence, its first query, its end."""
    start = 0
    for length in lengths:
        for first in range(start, start + length, BLOCK):
            yield start, first, min(first + BLOCK, start + length)
        start += length


def _rows(tensor: Tensor, first: int, end: int) -> Tensor:
    """(G, R, n, d) of these queries, as (G, R * (end - first), d)."""
    return tensor[:, :, first:end].flatten(1, 2)


def _like(tensor: Tensor, dtype: torch.dtype, width: int) -> Tensor:
    """Room for as many heads and tokens, (..., n, width), laid out token by token as the layers around attention do."""
    *heads, tokens, _ = tensor.shape
    return tensor.new_empty(tokens, *heads, width, dtype=dtype).movedim(0, -2)
