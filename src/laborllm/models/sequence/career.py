"""CAREER: a transformer over the career (arXiv 2202.08370).

Step t reads the occupation of the record before and the covariates of the record to forecast,

    x_t = sqrt(d) e(j_{t-1}) + p_t + sum_f v^f[x_{t,f}],    h = transformer(x),    z_t = W h_t,

with p_t sinusoids of the position. The transformer is a decoder: step t attends to steps 1 to t; layer norms come first
in a block and last of all. `warm_start` initialises the vectors of occupations from a language model's embeddings of
the titles, or all weights from a run on another panel with the same taxonomy.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from laborllm.models.sequence.inputs.careers import Batch
from laborllm.models.sequence.inputs.embeddings import Covariates, embedding

WAVELENGTH = 10_000  # the longest sinusoid of the positions, in records over 2 pi
COVARIATE_SCALE = 0.35  # of the vectors at first: the dozen of a record together weigh as much as its last occupation
ENTERING, WITHIN = 0.6, 0.2  # dropout of what enters the blocks and of what they add, as shares of the last dropout


class CareerNetwork(nn.Module):
    """The transformer of CAREER: a `Batch` to scores (n, J + 1)."""

    def __init__(
        self, sizes: Mapping[str, int], classes: int, layers: int, width: int, heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.occupations = embedding(classes + 1, width, scale=width**-0.5)
        self.covariates = Covariates(sizes, width, scale=COVARIATE_SCALE)
        self.enter = nn.Dropout(ENTERING * dropout)
        self.blocks = nn.ModuleList(Block(width, heads, WITHIN * dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes + 1)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.head.weight, std=width**-0.5)

    def forward(self, batch: Batch) -> Tensor:
        """Scores of all n records of a batch, (n, J + 1)."""
        workers, steps = batch.present.shape
        position = torch.arange(steps, device=batch.present.device).expand(workers, -1)
        state = self.enter(self._enter(batch.index["previous"], position, self.covariates(batch.index)))  # (B, T, d)
        for block in self.blocks:
            state = block(state)
        scores: Tensor = self.head(self.dropout(self.norm(state[batch.present])))
        return scores

    def begin(self, batch: Batch) -> tuple[Tensor, "PathState"]:
        """Scores of the last record of W careers, (W, J + 1), and the keys and values of all their records."""
        steps = batch.present.shape[1]
        length = batch.present.sum(dim=1)
        position = torch.arange(steps, device=length.device).expand(len(length), -1)
        state = self._enter(batch.index["previous"], position, self.covariates(batch.index))
        caches = []
        for block in self._each_block():
            state, cache = block.begin(state, batch.present)
            caches.append(cache)
        last = state[torch.arange(len(length), device=length.device), length - 1]
        return self.head(self.norm(last)), PathState(caches, length[:, None])

    def step(self, state: "PathState", index: Mapping[str, Tensor]) -> tuple[Tensor, "PathState"]:
        """Scores of one more record on each path, and the state after it.

        Args:
            state: Keys and values of the records so far.
            index: Indexes of the record by name, (W, D).

        Returns:
            (W, D, J + 1) for D paths of each of W workers, and the state, whose caches have grown in place.
        """
        hidden = self._enter(index["previous"], state.length, self.covariates.of_paths(index))
        for block, cache in zip(self._each_block(), state.caches, strict=True):
            hidden = block.step(hidden, cache)
        return self.head(self.norm(hidden)), PathState(state.caches, state.length + 1)

    def _enter(self, previous: Tensor, position: Tensor, covariates: Tensor) -> Tensor:
        """What enters the blocks, (..., d), from columns and positions (...) and summed vectors of covariates."""
        occupation = self.occupations(previous)
        width = occupation.shape[-1]
        table = sinusoids(int(position.max()) + 1, width).to(occupation.device)
        entering: Tensor = width**0.5 * occupation + table[position] + covariates
        return entering

    def _each_block(self) -> Iterator["Block"]:
        return cast(Iterator[Block], iter(self.blocks))


class Block(nn.Module):
    """Attention to the past and a feed-forward layer, each on what a layer norm leaves, each added to the state."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.feed_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, state: Tensor) -> Tensor:
        """The block on B careers of T steps, (B, T, d)."""
        state = state + self.dropout(self.attend(self.attention_norm(state)))
        fed: Tensor = self.dropout(self.feed(self.feed_norm(state)))
        return state + fed

    def attend(self, state: Tensor) -> Tensor:
        """Causal attention, (B, T, d)."""
        query, key, value = self._by_head(state)
        mixed = scaled_dot_product_attention(query, key, value, is_causal=True)
        attended: Tensor = self.mix(mixed.transpose(1, 2).flatten(2))
        return attended

    def begin(self, state: Tensor, present: Tensor) -> tuple[Tensor, "PathCache"]:
        """The block on careers that paths will continue.

        Args:
            state: Of W careers, (W, T, d).
            present: Which of the T records are no padding, (W, T).

        Returns:
            The state after the block, (W, T, d), and a cache of keys and values.
        """
        query, key, value = self._by_head(self.attention_norm(state))
        mixed = scaled_dot_product_attention(query, key, value, is_causal=True)
        return self._feed(state + self.mix(mixed.transpose(1, 2).flatten(2))), PathCache(key, value, present)

    def step(self, state: Tensor, cache: "PathCache") -> Tensor:
        """The block on one more record of each path.

        Args:
            state: Of D paths of each of W workers, (W, D, d).
            cache: Keys and values so far, which grow by this record's.

        Returns:
            The state after the block, (W, D, d).
        """
        query, key, value = self._by_head(self.attention_norm(state))  # (W, heads, D, d / heads) each
        cache.append(key, value)
        return self._feed(state + self.mix(cache.attend(query).transpose(1, 2).flatten(2)))

    def _by_head(self, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value, (B, heads, T, d / heads) each."""
        by_head = self.query_key_value(state).unflatten(-1, (3, self.heads, -1))  # (B, T, 3, heads, d / heads)
        query, key, value = by_head.permute(2, 0, 3, 1, 4)
        return query, key, value

    def _feed(self, state: Tensor) -> Tensor:
        fed: Tensor = state + self.feed(self.feed_norm(state))
        return fed


class PathCache:
    """KV cache of one block: keys and values of W careers, shared by their paths, and those of D paths of each since.

    Args:
        key: (W, heads, T, d / heads) of the careers.
        value: As `key`.
        present: Which of the T records are no padding, (W, T).
    """

    def __init__(self, key: Tensor, value: Tensor, present: Tensor) -> None:
        self._key, self._value = key, value
        self._mask = torch.zeros_like(present, dtype=key.dtype).masked_fill(~present, -torch.inf)[:, None, None]
        self._own: list[tuple[Tensor, Tensor]] = []

    def append(self, key: Tensor, value: Tensor) -> None:
        """Store one more record of each path.

        Args:
            key: (W, heads, D, d / heads).
            value: As `key`.
        """
        self._own.append((key, value))

    def attend(self, query: Tensor) -> Tensor:
        """Attention of the newest record of each path to its whole past and itself, (W, heads, D, d / heads)."""
        shared = query @ self._key.mT / query.shape[-1] ** 0.5 + self._mask  # (W, heads, D, T)
        own = torch.stack([(query * key).sum(dim=-1) for key, _ in self._own], dim=-1) / query.shape[-1] ** 0.5
        weight = torch.cat([shared, own], dim=-1).softmax(dim=-1)
        steps = shared.shape[-1]
        attended = weight[..., :steps] @ self._value
        for at, (_, value) in enumerate(self._own, start=steps):
            attended = attended + weight[..., at, None] * value
        return attended


@dataclass(frozen=True)
class PathState:
    """A KV cache of each block, and how many records each path has, (W, 1)."""

    caches: list[PathCache]
    length: Tensor


def sinusoids(steps: int, width: int) -> Tensor:
    """Positions as sines and cosines of geometric wavelengths, (steps, width) (arXiv 1706.03762, section 3.5)."""
    rate = torch.exp(-math.log(WAVELENGTH) * torch.arange(0, width, 2) / width)
    angle = torch.arange(steps)[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], dim=1)
