"""Quantiles of numbers that come some at a time: exact, though memory holds some thousand of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

import numpy as np

from laborllm.evaluation.arrays import Bools, Indices, Numbers
from laborllm.evaluation.scores.blocks import Blocks
from laborllm.evaluation.scores.ordered import in_order
from laborllm.storage import temporary_folder


@dataclass(frozen=True)
class _Values:
    """Some numbers, (n,)."""

    values: Numbers

    def at(self, rows: slice | Indices | Bools) -> Self:
        return type(self)(self.values[rows])

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        return cls(np.concatenate([part.values for part in parts]))


def quantiles(parts: Iterable[Numbers], shares: Numbers) -> Numbers | None:
    """The quantiles of all finite numbers, as `numpy.quantile` interpolates them.

    Args:
        parts: The numbers, some at a time.
        shares: Which quantiles, (q,), each between 0 and 1.

    Returns:
        (q,); None if no number is finite.

    Raises:
        StorageError: The numbers cannot be written to a temporary file.
    """
    size = 0
    with temporary_folder() as folder:
        finite = Blocks[_Values](folder / "finite")
        for part in parts:
            known = part[np.isfinite(part)]
            finite.append(_Values(known))
            size += len(known)
        if not size:
            return None
        place = (size - 1) * shares
        below = np.floor(place).astype(np.int64)
        with in_order(finite, lambda part: part.values) as ordered:
            around = _at(chain.from_iterable(ordered), np.stack([below, np.minimum(below + 1, size - 1)]))
    return np.array([np.quantile(pair, share) for pair, share in zip(around.T, place - below, strict=True)])


def _at(ordered: Iterable[_Values], places: Indices) -> Numbers:
    """The values at some places of the order, in the shape of `places`."""
    found, start = np.empty(places.shape), 0
    for block in ordered:
        inside = (places >= start) & (places < start + len(block.values))
        found[inside] = block.values[places[inside] - start]
        start += len(block.values)
    return found
