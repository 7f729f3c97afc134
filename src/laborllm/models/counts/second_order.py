"""What the occupation before the last one adds to transition frequencies.

After i and then j, n_ij records follow, n_ijk of them with occupation k. Staying and moving are shrunk each toward what
j by itself predicts, P(. | j):

    s_ij = (n_ijj + a P(j | j)) / (n_ij + a),
    P(k | i, j) = (1 - s_ij) (n_ijk + b P(k | j) / (1 - P(j | j))) / (n_ij - n_ijj + b)    for k != j.

A second record has no occupation i: that is a value of i like any other. Both strengths are chosen on the validation
split.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from laborllm.models.counts.shrinkage import best_strength, shrink
from laborllm.models.forecasts.forecast import Floats

Indexes = NDArray[np.intp]

TINY = np.finfo(float).tiny  # instead of zero where nobody has ever moved


@dataclass(frozen=True)
class Steps:
    """The columns of n records and of the two before each, (n,); `before` is J where there is none."""

    before: Indexes
    previous: Indexes
    current: Indexes


@dataclass(frozen=True)
class SecondOrder:
    """How often triples of occupations occur, and how much their frequencies are shrunk.

    Attributes:
        triple: The triples (i, j, k) that occur, as numbers in order, (m,).
        count: How often each does, (m,).
        strengths: a and b of the shrinking, (2,), in records.
    """

    triple: Indexes
    count: Floats
    strengths: Floats

    @classmethod
    def fit(cls, train: Steps, valid: Steps, first_order: Floats) -> Self:
        """Count triples of occupations, and choose how much they are shrunk.

        Args:
            train: Records to count.
            valid: Records that choose the strengths.
            first_order: P(k | j), (J, J).

        Returns:
            The counts and the strengths.
        """
        classes = len(first_order)
        number = _pair(train.before, train.previous, classes) * classes + train.current
        triple, count = np.unique(number, return_counts=True)
        counted = cls(triple, count.astype(float), np.ones(2))
        return replace(counted, strengths=counted._best_strengths(valid, first_order))

    def fits(self, classes: int) -> bool:
        """Whether these are counts of triples of so many occupations, and strengths."""
        return (
            self.triple.dtype.kind == "i"
            and self.triple.shape == self.count.shape == (self.triple.size,)
            and self.strengths.shape == (2,)
            and bool(np.all(np.diff(self.triple) > 0) and np.all(self.count > 0) and np.all(self.strengths > 0))
            and bool(np.all((self.triple >= 0) & (self.triple < (classes + 1) * classes**2)))
        )

    def refine(self, first_order: Floats, before: Indexes, previous: Indexes) -> Floats:
        """The distribution of n records from the last two occupations.

        Args:
            first_order: P(. | j) of each record, (n, J).
            before: The column of the occupation before the last one, (n,); J where there is none.
            previous: The column of the last one, (n,).

        Returns:
            P(. | i, j), (n, J).
        """
        row = np.arange(len(previous))
        followed = self._followed(before, previous, first_order.shape[1])
        total, stays, prior = followed.sum(axis=1), followed[row, previous], first_order[row, previous]
        stay = shrink(stays, total, prior, self.strengths[0])
        toward = first_order / np.maximum(1 - prior, TINY)[:, None]
        moves = shrink(followed, (total - stays)[:, None], toward, self.strengths[1])
        refined: Floats = (1 - stay)[:, None] * moves
        refined[row, previous] = stay
        return refined

    def _best_strengths(self, valid: Steps, first_order: Floats) -> Floats:
        row = np.arange(len(valid.current))
        followed = self._followed(valid.before, valid.previous, len(first_order))
        total, stays = followed.sum(axis=1), followed[row, valid.previous]
        prior = first_order[valid.previous, valid.previous]
        moved = valid.current != valid.previous
        toward = first_order[valid.previous, valid.current] / np.maximum(1 - prior, TINY)

        def stay(strength: float) -> Floats:
            stay = shrink(stays, total, prior, strength)
            return np.where(moved, 1 - stay, stay)

        def move(strength: float) -> Floats:
            return np.asarray(shrink(followed[row, valid.current], total - stays, toward, strength)[moved])

        return np.array([best_strength(stay), best_strength(move)])

    def _followed(self, before: Indexes, previous: Indexes, classes: int) -> Floats:
        """How often each occupation followed the pair of each record, (n, J)."""
        pair = _pair(before, previous, classes)
        start, end = (np.searchsorted(self.triple, edge * classes) for edge in (pair, pair + 1))
        length = end - start
        row = np.repeat(np.arange(len(pair)), length)
        at = np.arange(len(row)) + np.repeat(start - np.cumsum(length) + length, length)
        found = np.zeros((len(pair), classes))
        found[row, self.triple[at] % classes] = self.count[at]
        return found


def _pair(before: Indexes, previous: Indexes, classes: int) -> Indexes:
    return before * classes + previous
