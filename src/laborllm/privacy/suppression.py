"""Complementary suppression: withholding so that no small cell follows from the cells shown (Cox 1980, JASA 75)."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from laborllm.privacy.counts import CellCounts
from laborllm.privacy.rules import SMALLEST_CELL

Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]

SPANNED = 1e-7  # how much of a cell may lie outside the cells shown and it still follows from them
TOGETHER = 2**21  # atoms times cells that are in memory at once
WORKERS_TOGETHER = 4096  # whose records are counted at once


def withhold(
    partitions: Sequence[Indices], worker: Indices, rank: Sequence[int] = (), sensitive: Sequence[Bools] = ()
) -> list[Bools]:
    """Which cells of a publication must be withheld, so that none of them follows from those shown.

    Cells are hidden until nothing sensitive can be computed from the cells shown by adding and subtracting. Sensitive
    are

    - the records of a hidden cell, and how many workers a cell that is too small has;
    - the records of fewer than `SMALLEST_CELL` workers that the cells single out, or by which one cell exceeds another
      that lies within it;
    - the hidden cells of a partition together, if they have so few workers.

    The cell that is hidden next is the smallest one that takes part in such a sum, among those of the highest rank.

    Args:
        partitions: The cell of each record in each partition as numbers 0, 1, ..., (n,) each; -1 where it is in none.
        worker: The worker of each record as numbers 0, 1, ..., (n,).
        rank: How readily the cells of each partition are given up to protect others. Default: all alike.
        sensitive: Which cells of each partition may not be shown though they have workers enough, a mask each, such as
            those that `failing_magnitudes` finds. Default: none.

    Returns:
        Whether each cell is withheld, a mask for each partition.
    """
    counts = CellCounts(len(partitions))
    for rows, first in _some_workers(worker):
        counts.add([partition[rows] for partition in partitions], worker[rows] - first)
    return withheld_cells(counts, rank, sensitive)


def _some_workers(worker: Indices) -> Iterator[tuple[Indices, int]]:
    """The records of `WORKERS_TOGETHER` workers at a time, and the number of the first of them."""
    order = np.argsort(worker, kind="stable")
    for first in range(0, int(worker.max(initial=-1)) + 1, WORKERS_TOGETHER):
        start, stop = np.searchsorted(worker, [first, first + WORKERS_TOGETHER], sorter=order)
        yield order[start:stop], first


def withheld_cells(counts: CellCounts, rank: Sequence[int] = (), sensitive: Sequence[Bools] = ()) -> list[Bools]:
    """Which cells must be withheld of those that were counted; see `withhold`.

    Args:
        counts: Of all records.
        rank: How readily the cells of each partition are given up to protect others.
        sensitive: Which cells of each partition may not be shown though they have workers enough.

    Returns:
        Whether each cell is withheld, a mask for each partition.
    """
    if not len(counts.people):
        return [np.zeros(0, dtype=bool)] * counts.partitions
    rank = rank or [0] * counts.partitions
    given_up = np.argsort(np.lexsort([counts.people, -np.repeat(rank, counts.sizes)]))
    small = counts.people < SMALLEST_CELL
    hidden = small | np.concatenate(sensitive) if sensitive else small.copy()
    search = _Search(counts, small)
    while (taking_part := search.sum_that_tells(hidden)) is not None:
        hidden[taking_part[np.argmin(given_up[taking_part])]] = True
    return np.split(hidden, np.cumsum(counts.sizes)[:-1])


class _Search:
    """Looks for cells shown whose sum or difference is sensitive. small: the cells of too few workers, (c,)."""

    def __init__(self, counts: CellCounts, small: Bools) -> None:
        self.counts = counts
        self.small = small
        self.few = counts.atom_carriers.few(len(counts.atoms))
        self.records = counts.atoms_together
        self.workers = counts.kinds.T @ counts.kinds
        self.nested = self._small_remainders()

    def sum_that_tells(self, hidden: Bools) -> Indices | None:
        """The cells of such a sum, or None."""
        shown = np.flatnonzero(~hidden)
        found = self._too_few_hidden(hidden)
        found = next((pair for pair in self.nested if not hidden[pair].any()), None) if found is None else found
        found = self._of_records(hidden, shown) if found is None else found
        return _combination(self.workers, np.flatnonzero(self.small), shown) if found is None else found

    def _too_few_hidden(self, hidden: Bools) -> Indices | None:
        """The cells shown of a partition whose hidden cells hold too few workers together, or None."""
        for start, size in zip(self.counts.starts, self.counts.sizes, strict=True):
            cells = np.arange(start, start + size)
            among, shown = cells[hidden[cells]], cells[~hidden[cells]]
            if not len(shown) or not len(among) or not self.small[among].all():
                continue
            chosen = np.zeros(len(hidden), dtype=bool)
            chosen[among] = True
            if 0 < self.counts.carriers.within(chosen) < SMALLEST_CELL:
                return shown
        return None

    def _of_records(self, hidden: Bools, shown: Indices) -> Indices | None:
        """Cells shown that combine to the records of a hidden cell, or of an atom of too few workers."""
        found = _combination(self.records, np.flatnonzero(hidden), shown)
        if found is not None:
            return found
        inverse = _inverse(self.records, shown)
        atoms = np.flatnonzero(self.few)
        step = max(1, TOGETHER // len(hidden))
        for first in range(0, len(atoms), step):
            products = self.counts.in_cells(atoms[first : first + step])[:, shown]
            found = _first_whole(products, np.ones(len(products)), inverse, shown)
            if found is not None:
                return found
        return None

    def _small_remainders(self) -> list[Indices]:
        """Pairs of cells, one within the other, that differ by the records of too few workers."""
        size = np.diag(self.records)
        inside = (self.records == size[:, None]) & (size[:, None] < size) & (size[:, None] > 0)  # (inner, outer)
        found = []
        for inner, outer in np.argwhere(inside):
            rest = self._has(outer) & ~self._has(inner)
            if self.few[rest].all() and self.counts.atom_carriers.within(rest) < SMALLEST_CELL:
                found.append(np.array([inner, outer]))
        return found

    def _has(self, cell: int) -> Bools:
        """Which atoms are in a cell, (a,)."""
        partition = int(np.searchsorted(self.counts.starts, cell, side="right")) - 1
        return np.asarray(self.counts.atoms[:, partition] == cell - self.counts.starts[partition])


def _combination(gram: Numbers, targets: Indices, shown: Indices) -> Indices | None:
    """Cells shown that combine to one of the target cells, or None. gram: the inner products of cells, (c, c)."""
    return _first_whole(gram[np.ix_(targets, shown)], np.diag(gram)[targets], _inverse(gram, shown), shown)


def _first_whole(products: Numbers, length: Numbers, inverse: Numbers, shown: Indices) -> Indices | None:
    """The cells shown that the first target is made of that lies in their span: its projection on them is whole."""
    weights = products @ inverse
    whole = np.flatnonzero((weights * products).sum(axis=1) > (1 - SPANNED) * length)
    return shown[np.abs(weights[whole[0]]) > SPANNED] if len(whole) else None


def _inverse(gram: Numbers, shown: Indices) -> Numbers:
    return np.asarray(np.linalg.pinv(gram[np.ix_(shown, shown)], rcond=1e-10, hermitian=True))
