"""An attack on what is published: which withheld cells follow from all numbers that one verb shows, taken together?

The attacker knows how each number is made, which cells there are and which kinds of records, or of workers, there may
be. What she does not know is how many there are of each kind. Every number shown is a sum of these unknowns. A withheld
cell of fewer than ten workers is recovered

- by subtraction, if its own sum is a combination of the sums shown;
- by bounds, if among all numbers of records (or workers) of each kind that agree with what is shown, whole and not
  negative, its sum is the same: the least and the largest are found by linear programming, or exactly over integers.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp  # type: ignore[import-untyped]

from laborllm.privacy import SMALLEST_CELL

Cell = tuple[str, Hashable]
"""The name of a partition, and one of its cells."""

Bools = NDArray[np.bool_]
Numbers = NDArray[np.float64]

CLOSE = 1e-6
GUESSES = 6  # random questions that settle most cells at once, before each that is left is asked about by itself


@dataclass(frozen=True)
class Publication:
    """What a verb shows of some records.

    Attributes:
        partitions: The cell of each record in each partition, by name; None where it is in none.
        worker: Whose each record is.
        shown: The cells of which a number can be read anywhere.
    """

    partitions: dict[str, list[Hashable]]
    worker: Sequence[object]
    shown: set[Cell]

    def recovered(self, *, integer: bool = False) -> set[Cell]:
        """The cells of fewer than ten workers that are shown or follow from what is shown."""
        cells = [(name, cell) for name, column in self.partitions.items() for cell in set(column) - {None}]
        assert self.shown <= set(cells), f"cells that there are not: {self.shown - set(cells)}"
        records = np.stack([_is(self.partitions[name], cell) for name, cell in cells], axis=1)
        number = np.unique(np.array(self.worker, dtype=str), return_inverse=True)[1]
        people = np.stack([np.bincount(number, column) > 0 for column in records.T], axis=1)
        small = people.sum(axis=0) < SMALLEST_CELL
        shown = np.array([cell in self.shown for cell in cells])
        found = small & shown
        for members in (records, people):
            kinds, counts = np.unique(members, axis=0, return_counts=True)
            found |= small & ~shown & by_subtraction(kinds, shown)
            found |= small & ~shown & by_bounds(kinds, counts, shown, small & ~shown, integer=integer)
        return {cell for cell, is_found in zip(cells, found, strict=True) if is_found}


def by_subtraction(kinds: Bools, shown: Bools) -> Bools:
    """Which cells are combinations of those shown, (c,). kinds: whether each kind of record is in each cell, (k, c)."""
    basis, size, _ = np.linalg.svd(kinds[:, shown].astype(float), full_matrices=False)
    basis = basis[:, size > 1e-9 * size.max(initial=0)]
    rest = kinds - basis @ (basis.T @ kinds)
    return np.asarray((rest**2).sum(axis=0) < CLOSE)


def by_bounds(kinds: Bools, counts: NDArray[np.intp], shown: Bools, wanted: Bools, *, integer: bool = False) -> Bools:
    """Which wanted cells can have one number only, (c,). counts: how many there are of each kind, (k,), unknown."""
    known = kinds[:, shown].T.astype(float)
    agrees = LinearConstraint(known, known @ counts, known @ counts)
    low = high = counts @ kinds.astype(float)

    def ask(question: Numbers) -> None:
        """Look for numbers that agree with what is shown and make the question, (k,), small."""
        nonlocal low, high
        answer = milp(question, constraints=agrees, bounds=Bounds(0, np.inf), integrality=integer)
        if answer.status == 3:  # no bound: ask for a number beyond any count instead
            answer = milp(question, constraints=agrees, bounds=Bounds(0, counts.sum()), integrality=integer)
        assert answer.x is not None, answer.message
        low, high = np.minimum(low, answer.x @ kinds), np.maximum(high, answer.x @ kinds)

    def is_one_number() -> Bools:
        return np.asarray(np.floor(high + CLOSE) <= np.ceil(low - CLOSE)) & wanted

    generator = np.random.default_rng(0)
    for _ in range(GUESSES):
        ask(kinds.astype(float) @ np.where(is_one_number(), generator.choice([-1.0, 1.0], len(wanted)), 0.0))
    for cell in np.flatnonzero(is_one_number()):
        for sign in (1.0, -1.0):
            ask(sign * kinds[:, cell].astype(float))
    return is_one_number()


def _is(column: Sequence[Hashable], cell: Hashable) -> Bools:
    return np.array([each == cell for each in column])
