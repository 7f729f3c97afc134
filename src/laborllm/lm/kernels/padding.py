"""Packed (varlen) sequences to a padded batch and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

PADDED_DEVICES = {"cuda"}  # on which many small products take longer than a few with padding


@dataclass(frozen=True)
class Padding:
    """Where B packed sequences of these lengths stand in a batch whose rows are as long as the longest."""

    lengths: Sequence[int]
    device: torch.device

    @property
    def longest(self) -> int:
        """The length of the longest sequence."""
        return max(self.lengths)

    @cached_property
    def places(self) -> Tensor:
        """(n,) place of each packed element in the flattened batch."""
        rows = [row * self.longest + torch.arange(length) for row, length in enumerate(self.lengths)]
        return torch.cat(rows).to(self.device)

    def pad(self, tensor: Tensor) -> Tensor:
        """Lay packed elements out as a batch: (G, n, ...) to (G, B, longest, ...), zero where a sequence has ended."""
        rows = tensor.new_zeros(len(tensor), len(self.lengths) * self.longest, *tensor.shape[2:])
        padded: Tensor = rows.index_copy(1, self.places, tensor).unflatten(1, (-1, self.longest))
        return padded

    def unpad(self, rows: Tensor) -> Tensor:
        """Pack the elements of a batch again: (G, B, longest, ...) to (G, n, ...)."""
        return rows.flatten(1, 2).index_select(1, self.places)


def is_padded(device: torch.device) -> bool:
    """Whether sequences are computed as one padded batch on this device, else one after the other."""
    return device.type in PADDED_DEVICES
