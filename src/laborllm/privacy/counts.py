"""Who is in which cells, counted some careers at a time: what the memory of it grows with is cells, not workers.

Of a cell it matters only whether it has enough workers, and of all cells which combinations of them there are. So of a
cell, or of an atom, no more than `SMALLEST_CELL` workers are remembered, and of workers no more than it takes to say
which sums of cells are equal: one for each dimension of the space that the cells of each of them span.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from laborllm.privacy.rules import SMALLEST_CELL

Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]
Kind = TypeVar("Kind", bound=np.generic)

TOGETHER = 2**18  # workers times cells that are in memory at once
APART = 1e-6  # the squared distance from a span beyond which a vector of zeros and ones is outside of it


@dataclass
class Carriers:
    """Up to `SMALLEST_CELL` workers of each of some sets.

    Attributes:
        pairs: A set and a worker in it, (p, 2).
    """

    pairs: Indices = field(default_factory=lambda: np.empty((0, 2), dtype=np.intp))

    def add(self, sets: Indices, worker: Indices) -> None:
        """Remember that a worker is in a set, (m,) each, unless enough are known.

        Args:
            sets: (m,) numbers of the sets.
            worker: (m,) numbers of the workers who are in them.
        """
        pairs = np.unique(np.concatenate([self.pairs, np.stack([sets, worker], axis=1)]), axis=0)
        place = np.arange(len(pairs)) - np.searchsorted(pairs[:, 0], pairs[:, 0])
        self.pairs = pairs[place < SMALLEST_CELL]

    def few(self, sets: int) -> Bools:
        """Whether each of the first `sets` sets has fewer than `SMALLEST_CELL` workers, (sets,)."""
        return np.asarray(np.bincount(self.pairs[:, 0], minlength=sets) < SMALLEST_CELL)

    def within(self, chosen: Bools) -> int:
        """How many of the workers remembered are in any of the sets chosen."""
        return len(np.unique(self.pairs[chosen[self.pairs[:, 0]], 1]))


@dataclass
class CellCounts:
    """The c cells of P partitions, over the a atoms: the finest sets of records that the cells distinguish.

    Attributes:
        partitions: How many there are.
        sizes: How many cells each has, so far.
        atoms: The cell of each atom in each partition, (a, P); -1 where it is in none.
        people: How many workers each cell has, (c,).
        workers: How many workers there are.
    """

    partitions: int
    sizes: tuple[int, ...] = ()
    atoms: Indices = field(init=False)
    people: Indices = field(init=False)
    workers: int = 0
    carriers: Carriers = field(default_factory=Carriers)
    atom_carriers: Carriers = field(default_factory=Carriers)
    _kinds: Bools = field(init=False)
    _basis: Numbers = field(init=False)

    def __post_init__(self) -> None:
        self.sizes = (0,) * self.partitions
        self.atoms = np.empty((0, self.partitions), dtype=np.intp)
        self.people = np.empty(0, dtype=np.intp)
        self._kinds, self._basis = np.empty((0, 0), dtype=bool), np.empty((0, 0))

    def add(self, partitions: Sequence[Indices], worker: Indices) -> None:
        """Count records of workers who have none elsewhere.

        Args:
            partitions: The cell of each record in each partition as numbers 0, 1, ..., (n,) each; -1 for none.
            worker: The worker of each record as numbers 0, 1, ..., (n,), in any order.
        """
        levels = np.stack(partitions, axis=1)
        self._widen(levels.max(axis=0, initial=-1) + 1)
        found, atom = np.unique(levels, axis=0, return_inverse=True)
        self.atoms, place = np.unique(np.concatenate([self.atoms, found]), axis=0, return_inverse=True)
        self._add_carriers(place.ravel(), atom.ravel(), worker)
        pairs = [
            np.stack([worker, start + level], axis=1)[level >= 0]
            for start, level in zip(self.starts, levels.T, strict=True)
        ]
        self._add_people(np.unique(np.concatenate(pairs), axis=0))
        self.workers += int(worker.max(initial=-1)) + 1

    @property
    def starts(self) -> Indices:
        """The number of the first cell of each partition among all, (P,)."""
        return np.cumsum((0, *self.sizes[:-1]), dtype=np.intp)

    @property
    def kinds(self) -> Numbers:
        """Whether a worker has a record in a cell, (k, c), for workers whose cells span those of all."""
        return self._kinds.astype(np.float64)

    def in_cells(self, atoms: Indices) -> Numbers:
        """Whether each of some atoms is in each cell, (m, c)."""
        found = np.zeros((len(atoms), sum(self.sizes)))
        for start, level in zip(self.starts, self.atoms[atoms].T, strict=True):
            inside = np.flatnonzero(level >= 0)
            found[inside, start + level[inside]] = 1
        return found

    @property
    def atoms_together(self) -> Numbers:
        """How many atoms each two cells have in common, (c, c)."""
        found = np.zeros((sum(self.sizes),) * 2)
        for at, one in zip(self.starts, self.atoms.T, strict=True):
            for start, other in zip(self.starts, self.atoms.T, strict=True):
                inside = (one >= 0) & (other >= 0)
                np.add.at(found, (at + one[inside], start + other[inside]), 1)
        return found

    def _widen(self, sizes: Indices) -> None:
        """Make room for cells that were not seen before."""
        wider = tuple(np.maximum(self.sizes, sizes).tolist())
        if wider == self.sizes:
            return
        starts = np.cumsum((0, *wider[:-1]), dtype=np.intp)
        place = np.concatenate([start + np.arange(size) for start, size in zip(starts, self.sizes, strict=True)])
        self.people = _spread(self.people, place, sum(wider))
        self._kinds = _spread(self._kinds, place, sum(wider))
        self._basis = _spread(self._basis, place, sum(wider))
        self.carriers.pairs[:, 0] = place[self.carriers.pairs[:, 0]]
        self.sizes = wider

    def _add_carriers(self, place: Indices, atom: Indices, worker: Indices) -> None:
        """place: where each atom known before, then each one found now, is among all; atom: of each record."""
        known = len(place) - (int(atom.max(initial=-1)) + 1)
        self.atom_carriers.pairs[:, 0] = place[:known][self.atom_carriers.pairs[:, 0]]
        self.atom_carriers.add(place[known:][atom], self.workers + worker)

    def _add_people(self, pairs: Indices) -> None:
        """pairs: a worker and a cell, each once, in order of workers, (p, 2)."""
        if not len(pairs):
            return
        worker, cell = pairs.T
        self.people = self.people + np.bincount(cell, minlength=len(self.people))
        self.carriers.add(cell, self.workers + worker)
        workers = int(worker.max()) + 1
        step = max(1, min(workers, TOGETHER // len(self.people)))
        for first in range(0, workers, step):
            part = slice(*np.searchsorted(worker, [first, first + step]))
            members = np.zeros((step, len(self.people)), dtype=bool)
            members[worker[part] - first, cell[part]] = True
            self._span(np.unique(members, axis=0))

    def _span(self, members: Bools) -> None:
        """Remember those of some workers whose cells lie outside the span of the cells of workers known."""
        rest = members - (members @ self._basis.T) @ self._basis
        while (outside := (length := (rest**2).sum(axis=1)) > APART).any():
            rest, members = rest[outside], members[outside]
            farthest = int(length[outside].argmax())
            own = members[farthest] - (members[farthest] @ self._basis.T) @ self._basis  # again, against rounding
            direction = own / np.linalg.norm(own)
            self._basis = np.vstack([self._basis, direction])
            self._kinds = np.vstack([self._kinds, members[farthest]])
            rest = rest - np.outer(rest @ direction, direction)


def _spread(values: NDArray[Kind], place: Indices, size: int) -> NDArray[Kind]:
    """Values along the last axis at other places of a longer one, zero elsewhere."""
    wider = np.zeros((*values.shape[:-1], size), dtype=values.dtype)
    wider[..., place] = values
    return wider
