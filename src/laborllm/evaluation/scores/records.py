"""Records of whole careers, some at a time: whose they are, what they count for, and the cells they are in."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from laborllm.evaluation.arrays import Bools, Floats, Indices, Numbers


@dataclass(frozen=True)
class Records:
    """Some n records.

    Attributes:
        worker: The worker of each as numbers in the order of the panel, (n,).
        cluster: The cluster of each as numbers 0, 1, ..., (n,).
        weight: What each counts for, (n,).
        cells: The cell of each in each of P partitions, (P, n), as a number among the cells of all partitions; -1
            where it is in none.
    """

    worker: Indices
    cluster: Indices
    weight: Numbers
    cells: Indices

    def __len__(self) -> int:
        return len(self.worker)

    def at(self, rows: slice | Indices | Bools) -> Self:
        """Some of the records."""
        return type(self)(*(getattr(self, each.name)[..., rows] for each in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The records of all parts."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts], axis=-1) for each in fields(cls)))

    @property
    def all_cells(self) -> Indices:
        """The cells of all the records, those of one partition after the other."""
        return self.cells[self.cells >= 0]

    def workers_in(self, cells: int) -> Indices:
        """How many workers have a record in each of the first `cells` cells, (cells,)."""
        inside = self.cells >= 0
        worker = np.broadcast_to(self.worker - self.worker.min(initial=0), inside.shape)[inside].astype(np.int64)
        pairs = np.unique(worker * cells + self.all_cells)
        return np.bincount(pairs % cells, minlength=cells)

    def sums(self, values: Floats, cells: int) -> tuple[Indices, Numbers]:
        """Weighted sums over the records of each cluster in each cell.

        Args:
            values: m numbers of each record, (m, n), or m of each in each partition, (m, P, n).
            cells: How many cells there are.

        Returns:
            The k clusters that the records are of, in ascending order, and their sums, (k, m, cells).
        """
        cluster, place = np.unique(self.cluster, return_inverse=True)
        inside = self.cells >= 0
        at = np.broadcast_to(place, inside.shape)[inside] * cells + self.all_cells
        added = self.weight * (values if values.ndim == 3 else values[:, None])
        sums = [np.bincount(at, np.broadcast_to(each, inside.shape)[inside], len(cluster) * cells) for each in added]
        table = np.stack(sums, axis=-1).reshape(len(cluster), cells, len(sums))
        return cluster, table.swapaxes(1, 2).astype(np.float64, copy=False)
