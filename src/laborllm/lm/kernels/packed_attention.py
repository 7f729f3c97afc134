"""Causal attention over packed sequences: varlen packing, as with `cu_seqlens` of FlashAttention.

On a CPU one sequence is computed after the other and no mask is built; a GPU computes all of them as one padded batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from laborllm.lm.kernels.blocked_attention import LONGEST, causal_attention
from laborllm.lm.kernels.padding import Padding, is_padded

CPU = torch.device("cpu")
ANY_SHAPE = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
"""Backends on a GPU that need no plan for each new shape, which costs cuDNN more than the attention itself."""
BLOCKED = {("cpu", torch.bfloat16)}  # device and dtype for which attention by blocks of queries is faster than torch's


@dataclass
class PackedAttention:
    """Sequences packed in one row (B = 1), each causal and blind to the others.

    Attributes:
        lengths: Tokens of each sequence.
        keep_kv: Whether the keys and values of each layer are stored in `kv`, for passes that continue these sequences.
        device: The device of the pass.
        kv: Keys and values by layer, (G, n, d) each, filled by the pass if `keep_kv`.
    """

    lengths: tuple[int, ...]
    keep_kv: bool = False
    device: torch.device = CPU
    kv: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)

    @property
    def positions(self) -> Tensor:
        """(1, n) position of each token in its sequence."""
        positions: Tensor = torch.cat([torch.arange(length) for length in self.lengths]).to(self.device)
        return positions[None]

    @property
    def bytes_per_token(self) -> int:
        """Bytes of the keys and values of one token in all layers."""
        return sum(2 * key[:, :1].numel() * key.element_size() for key, _ in self.kv.values())

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float) -> Tensor:
        """Causal attention within each sequence; keys and values are kept if `keep_kv`.

        Args:
            layer: Number of the layer.
            query: (1, H, n, d).
            key: (1, G, n, d), with G dividing H.
            value: (1, G, n, d).
            scale: Of the scores.
            dropout: Share of the weights that are dropped.

        Returns:
            (1, H, n, d).
        """
        if self.keep_kv:
            self.kv[layer] = (key[0], value[0])
        padded = len(self.lengths) > 1 and is_padded(query.device)
        kind = (query.device.type, value.dtype)
        if kind in BLOCKED and not padded and not dropout and max(self.lengths) <= LONGEST:
            return causal_attention(query[0], key[0], value[0], self.lengths, scale)[None]
        group = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(group, dim=1), value.repeat_interleave(group, dim=1)
        if padded:
            q, k, v = (self._padding.pad(tensor[0]).transpose(0, 1) for tensor in (query, key, value))
            with sdpa_kernel(ANY_SHAPE):
                output = scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale, dropout_p=dropout)
            return self._padding.unpad(output.transpose(0, 1))[None]
        parts = zip(*(tensor.split(self.lengths, dim=2) for tensor in (query, key, value)), strict=True)
        outputs = [
            scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale, dropout_p=dropout) for q, k, v in parts
        ]
        return torch.cat(outputs, dim=2)

    @cached_property
    def _padding(self) -> Padding:
        return Padding(self.lengths, self.device)


@dataclass(frozen=True)
class CachedText:
    """The keys and values of a text that has been read: its part, from `start` to `end`, of the pass `prefix`."""

    prefix: PackedAttention
    start: int
    end: int

    def kv(self, layer: int) -> tuple[Tensor, Tensor]:
        """Keys and values of a layer, (G, n, d) each."""
        keys, values = self.prefix.kv[layer]
        return keys[:, self.start : self.end], values[:, self.start : self.end]


@dataclass
class ContinuedAttention:
    """New tokens of packed texts (B = 1), each text causal and blind to the others, after what is cached of it.

    Attributes:
        past: What is cached of each text; None: nothing.
        lengths: New tokens of each text.
        whole: Whole texts, cached parts included, whose keys and values the pass stores.
    """

    past: Sequence[CachedText | None]
    lengths: tuple[int, ...]
    whole: PackedAttention

    @property
    def positions(self) -> Tensor:
        """(1, n) position of each new token in its text."""
        parts = zip(self.whole.lengths, self.lengths, strict=True)
        positions = torch.cat([torch.arange(length - new, length) for length, new in parts])
        return positions.to(self.whole.device)[None]

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float) -> Tensor:
        """Attention of each new token to its text up to itself.

        Args:
            layer: Number of the layer.
            query: (1, H, n, d).
            key: (1, G, n, d), with G dividing H.
            value: (1, G, n, d).
            scale: Of the scores.
            dropout: Share of the weights that are dropped.

        Returns:
            (1, H, n, d).
        """
        outputs, kv = [], []
        parts = zip(self.past, *(tensor[0].split(self.lengths, dim=1) for tensor in (query, key, value)), strict=True)
        for past, q, k, v in parts:
            if past is not None:
                k, v = (torch.cat(both, dim=1) for both in zip(past.kv(layer), (k, v), strict=True))
            kv.append((k, v))
            sees = torch.ones(q.shape[1], k.shape[1], dtype=torch.bool, device=q.device).tril(k.shape[1] - q.shape[1])
            k, v = (tensor.repeat_interleave(len(q) // len(tensor), dim=0) for tensor in (k, v))
            outputs.append(scaled_dot_product_attention(q, k, v, sees, scale=scale, dropout_p=dropout))
        keys, values = zip(*kv, strict=True)
        self.whole.kv[layer] = (torch.cat(keys, dim=1), torch.cat(values, dim=1))
        return torch.cat(outputs, dim=1)[None]
