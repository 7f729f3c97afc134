"""Which numbers about people may be shown: the one place that knows the smallest cell and what gives it away.

A *cell* is a set of records of which a count or a statistic is published. Its number is withheld when fewer than
`SMALLEST_CELL` workers stand behind it (primary suppression), and so is whatever would give a withheld number away by
adding and subtracting published ones (complementary suppression; Cox 1980, JASA 75). The names and the threshold are
those of ACRO, the output checker of the UK's trusted research environments (https://arxiv.org/abs/2212.01233).

    gender, education = withhold([gender_of_record, education_of_record], worker)  # True where a level is withheld
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
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


def withhold(partitions: Sequence[Indices], worker: Indices, rank: Sequence[int] = ()) -> list[Bools]:
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

    Returns:
        Whether each cell is withheld, a mask for each partition.
    """
    cells = _Cells.of(partitions, worker)
    people = cells.people.sum(axis=0)
    given_up = np.argsort(np.lexsort([people, -np.repeat(rank or [0] * len(cells.sizes), cells.sizes)]))
    small = people < SMALLEST_CELL
    hidden = small.copy()
    records, workers = _Space.of(cells.atoms, cells.small_atoms), _Space.of(np.unique(cells.people, axis=0))
    nested = cells.small_remainders(records.gram)
    while True:
        shown = np.flatnonzero(~hidden)
        taking_part = cells.too_few_hidden(hidden)
        taking_part = _both_shown(hidden, nested) if taking_part is None else taking_part
        taking_part = records.combination(hidden, shown) if taking_part is None else taking_part
        taking_part = workers.combination(small, shown) if taking_part is None else taking_part
        if taking_part is None:
            return np.split(hidden, np.cumsum(cells.sizes)[:-1])
        hidden[taking_part[np.argmin(given_up[taking_part])]] = True


def withhold_cells(records: pl.DataFrame, *partitions: Sequence[str]) -> pl.Series:
    """Which records are in a cell that must be withheld, of a table and of its totals.

    Args:
        records: Of a column worker, and those that make up cells.
        partitions: The columns whose values together name a cell, none for all records; a record with a missing value
            is in none. The last ones are given up first to protect others: totals that are known elsewhere come first.

    Returns:
        True for a record that is in a withheld cell of any partition, one value for each record.
    """
    if records.is_empty():
        return pl.Series([], dtype=pl.Boolean)
    cells = [_cell_of(records, list(names)) for names in partitions]
    hidden = withhold(cells, _cell_of(records, ["worker"]), range(len(cells)))
    within = [np.append(mask, False)[cell] for mask, cell in zip(hidden, cells, strict=True)]  # -1: in no cell
    return pl.Series(np.any(within, axis=0))


def _cell_of(records: pl.DataFrame, names: list[str]) -> Indices:
    """The cell of each record as numbers 0, 1, ..., -1 where a value is missing."""
    if not names:
        return np.zeros(records.height, dtype=np.intp)
    cells = records.select(names).unique(maintain_order=True).drop_nulls().with_row_index("_cell")
    found = records.select(names).join(cells, on=names, how="left", maintain_order="left")["_cell"]
    return np.asarray(found.cast(pl.Int64).fill_null(-1).to_numpy(), dtype=np.intp)


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
class _Cells:
    """The c cells of all partitions, over the a atoms: the finest sets of records that the cells distinguish.

    Attributes:
        sizes: How many cells each partition has.
        atoms: Whether an atom is in a cell, (a, c).
        people: Whether a worker has a record in a cell, (workers, c).
        pairs: Each atom and worker that have a record in common, (p, 2).
    """

    sizes: tuple[int, ...]
    atoms: Bools
    people: Bools
    pairs: Indices

    @classmethod
    def of(cls, partitions: Sequence[Indices], worker: Indices) -> Self:
        levels, atom = np.unique(np.stack(partitions, axis=1), axis=0, return_inverse=True)
        pairs = np.unique(np.stack([atom.ravel(), worker], axis=1), axis=0)
        sizes = tuple(int(level.max()) + 1 for level in levels.T)
        places = [level[:, None] == np.arange(size) for level, size in zip(levels.T, sizes, strict=True)]
        atoms = np.concatenate(places, axis=1)
        people = np.zeros((int(worker.max()) + 1, atoms.shape[1]), dtype=bool)
        for cell in range(atoms.shape[1]):
            people[pairs[atoms[pairs[:, 0], cell], 1], cell] = True
        return cls(sizes, atoms, people, pairs)

    @cached_property
    def small_atoms(self) -> Bools:
        """Whether too few workers have a record in an atom, (a,)."""
        return np.asarray(np.bincount(self.pairs[:, 0], minlength=len(self.atoms)) < SMALLEST_CELL)

    def small_remainders(self, gram: Numbers) -> list[Indices]:
        """Pairs of cells, one within the other, that differ by the records of too few workers."""
        size = np.diag(gram)
        within = np.argwhere((gram == size[:, None]) & (size[:, None] < size) & (size[:, None] > 0))  # (inner, outer)
        outside = [(pair, self.atoms[:, pair[1]] & ~self.atoms[:, pair[0]]) for pair in within]
        of_small = [(pair, atoms) for pair, atoms in outside if self.small_atoms[atoms].all()]  # else workers enough
        return [pair for pair, atoms in of_small if self._workers_in(atoms) < SMALLEST_CELL]

    def too_few_hidden(self, hidden: Bools) -> Indices | None:
        """The cells shown of a partition whose hidden cells hold too few workers together, or None."""
        for cells in np.split(np.arange(len(hidden)), np.cumsum(self.sizes)[:-1]):
            among, shown = cells[hidden[cells]], cells[~hidden[cells]]
            people = self.people[:, among].any(axis=1).sum()
            if len(shown) and 0 < people < SMALLEST_CELL:
                return np.asarray(shown)
        return None

    def _workers_in(self, atoms: Bools) -> int:
        return len(np.unique(self.pairs[atoms[self.pairs[:, 0]], 1]))


@dataclass(frozen=True)
class _Space:
    """Cells as vectors over the sets that make them up: atoms, or workers.

    Attributes:
        small: The cells of each set that is sensitive itself, (s, c).
        gram: The inner products of cells, (c, c).
    """

    small: Numbers
    gram: Numbers

    @classmethod
    def of(cls, sets: Bools, sensitive: Bools | None = None) -> Self:
        vectors = sets.astype(np.float64)
        small = vectors[sensitive & sets.any(axis=1)] if sensitive is not None else vectors[:0]
        return cls(small, vectors.T @ vectors)

    def combination(self, sensitive: Bools, shown: Indices) -> Indices | None:
        """Cells shown that combine to a sensitive cell or a small set, or None; on those a projection is whole."""
        inverse = np.linalg.pinv(self.gram[np.ix_(shown, shown)], rcond=1e-10, hermitian=True)
        products = np.concatenate([self.gram[np.ix_(sensitive, shown)], self.small[:, shown]])
        length = np.concatenate([np.diag(self.gram)[sensitive], np.ones(len(self.small))])
        weights = products @ inverse
        whole = np.flatnonzero((weights * products).sum(axis=1) > (1 - SPANNED) * length)
        return shown[np.abs(weights[whole[0]]) > SPANNED] if len(whole) else None


def _both_shown(hidden: Bools, pairs: Sequence[Indices]) -> Indices | None:
    return next((pair for pair in pairs if not hidden[pair].any()), None)
