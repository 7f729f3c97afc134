"""Which numbers about people may be shown: the one place that knows the smallest cell and what gives it away.

A *cell* is a set of records of which a count or a statistic is published. Its number is withheld when fewer than
`SMALLEST_CELL` workers stand behind it (primary suppression), and so is whatever would give a withheld number away by
adding and subtracting published ones (complementary suppression; Cox 1980, JASA 75). The names and the threshold are
those of ACRO, the output checker of the UK's trusted research environments (https://arxiv.org/abs/2212.01233).

    hidden = withhold(members, worker, partition)       # (c,), True where a cell may not be shown
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

SMALLEST_CELL = 10
"""Workers below which a cell is withheld: ACRO's threshold rule."""

Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]

SPANNED = 1e-7  # how much of a cell may lie outside the cells shown and it still follows from them


def withhold(members: Bools, worker: Indices, partition: Sequence[object]) -> Bools:
    """Which cells of a publication must be withheld, so that none of them follows from those shown.

    Cells are hidden until nothing sensitive is a sum or difference of cells shown. Sensitive are the cells hidden, be
    it their records or their number of workers; the records of fewer than `SMALLEST_CELL` workers that the cells tell
    apart, or by which one cell exceeds another within it; and the hidden cells of a partition together, if so few. What
    is hidden next is the smallest cell that takes part.

    Args:
        members: Whether a record belongs to a cell, (n, c).
        worker: The worker of each record as numbers 0, 1, ..., (n,).
        partition: What each cell is a part of, c values; the cells of one value are disjoint.

    Returns:
        Whether each cell is withheld, (c,).
    """
    people = _by_worker(members, worker)
    size = people.sum(axis=0)
    hidden = size < SMALLEST_CELL
    parts = [np.flatnonzero([each == value for each in partition]) for value in dict.fromkeys(partition)]
    records, workers = _Space.of(members, worker), _Space.of(people)
    nested = _small_remainders(members, worker, records)
    while True:
        shown = np.flatnonzero(~hidden)
        taking_part = _too_few_hidden(hidden, people, parts)
        taking_part = _both_shown(hidden, nested) if taking_part is None else taking_part
        taking_part = records.combination(hidden, shown) if taking_part is None else taking_part
        taking_part = workers.combination(hidden, shown) if taking_part is None else taking_part
        if taking_part is None:
            return np.asarray(hidden)
        hidden[taking_part[np.argmin(size[taking_part])]] = True


def withhold_counts(cells: pl.DataFrame, within: Sequence[str] = ()) -> pl.DataFrame:
    """The rows of a table of disjoint cells that may be shown where the totals of `within` are known.

    Args:
        cells: One row per cell, with a column workers.
        within: Columns whose values name the totals; none: the whole table has one total.

    Returns:
        The rows kept, in their order. Where the rows left out of a total hold fewer than `SMALLEST_CELL` workers
        together, or are a single one, the next smallest go with them.
    """
    size = pl.col("workers")
    total = [pl.col(name) for name in within] or [pl.lit(0)]
    ordered = cells.with_row_index("_row").sort("workers", "_row")
    small = size < SMALLEST_CELL
    counted = ordered.with_columns(
        _any=small.any().over(total),
        _before=(size.cum_sum() - size).over(total),
        _place=pl.int_range(pl.len()).over(total),
    )
    more = pl.col("_any") & ((pl.col("_before") < SMALLEST_CELL) | (pl.col("_place") < 2))
    return counted.filter(~(small | more)).sort("_row").select(cells.columns)


@dataclass(frozen=True)
class _Space:
    """Cells as vectors over atoms, the finest sets that the cells tell apart. small: (s, c) the cells that each atom of
    too few workers belongs to. gram: (c, c) the inner products of cells."""

    small: Numbers
    gram: Numbers

    @classmethod
    def of(cls, members: Bools, worker: Indices | None = None) -> Self:
        """The space of some sets; without `worker` no atom is sensitive."""
        packed, first, atom = np.unique(np.packbits(members, axis=1), axis=0, return_index=True, return_inverse=True)
        atoms = members[first].astype(np.float64)
        small = np.zeros(len(packed), dtype=bool)
        if worker is not None:
            pairs = np.unique(np.stack([atom.ravel(), worker], axis=1), axis=0)
            small = np.bincount(pairs[:, 0], minlength=len(packed)) < SMALLEST_CELL
        return cls(atoms[small & atoms.any(axis=1)], atoms.T @ atoms)

    def combination(self, hidden: Bools, shown: Indices) -> Indices | None:
        """Cells shown that combine to a hidden cell or a small atom, or None: those on which a projection is whole."""
        inverse = np.linalg.pinv(self.gram[np.ix_(shown, shown)], rcond=1e-10, hermitian=True)
        products = np.concatenate([self.gram[np.ix_(hidden, shown)], self.small[:, shown]])
        length = np.concatenate([np.diag(self.gram)[hidden], np.ones(len(self.small))])
        weights = products @ inverse
        whole = np.flatnonzero((weights * products).sum(axis=1) > (1 - SPANNED) * length)
        return shown[np.abs(weights[whole[0]]) > SPANNED] if len(whole) else None


def _by_worker(members: Bools, worker: Indices) -> Bools:
    """Whether a worker has a record in a cell, (workers, c)."""
    found = np.zeros((int(worker.max()) + 1, members.shape[1]), dtype=bool)
    for cell in range(members.shape[1]):
        found[worker[members[:, cell]], cell] = True
    return found


def _small_remainders(members: Bools, worker: Indices, records: _Space) -> list[Indices]:
    """Pairs of cells, one within the other, that differ by the records of too few workers."""
    size = np.diag(records.gram)
    within = (records.gram == size[:, None]) & (size[:, None] < size)  # (inner, outer)
    remainders = [(pair, np.unique(worker[members[:, pair[1]] & ~members[:, pair[0]]])) for pair in np.argwhere(within)]
    return [pair for pair, people in remainders if len(people) < SMALLEST_CELL]


def _both_shown(hidden: Bools, pairs: list[Indices]) -> Indices | None:
    return next((pair for pair in pairs if not hidden[pair].any()), None)


def _too_few_hidden(hidden: Bools, people: Bools, parts: list[Indices]) -> Indices | None:
    """The cells shown of a partition whose hidden cells hold too few workers together."""
    for cells in parts:
        among, shown = cells[hidden[cells]], cells[~hidden[cells]]
        if len(among) and len(shown) and people[:, among].any(axis=1).sum() < SMALLEST_CELL:
            return shown
    return None
