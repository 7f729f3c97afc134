"""ACRO's rules on single cells, with its names and defaults (https://arxiv.org/abs/2212.01233, acro 1.0).

A count, and any statistic, needs `SMALLEST_CELL` workers: the threshold rule. A magnitude, which adds up something of
each worker such as wages or sampling weights, is not shown either where a few workers are nearly all of it: by the
(n, k) rule where the largest two make up 90 % or more, by the p-ratio rule where all others together are less than 10 %
of the largest, who could then be calculated from the total by the second.

    failing_magnitudes(cell_of_record, worker, weight)  # {"p-ratio": (c,), "nk-rule": (c,)}, True where a rule fails
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

SMALLEST_CELL = 10
"""Workers below which a cell is withheld: ACRO's threshold rule (`safe_threshold`)."""

DOMINANT = 2
"""The n of the (n, k) rule: the largest contributors of a magnitude (`safe_nk_n`)."""

DOMINANCE = 0.90
"""The k of the (n, k) rule: the share of a magnitude from which they dominate it (`safe_nk_k`)."""

P_RATIO = 0.10
"""The least that all but the two largest contributors are together, as a share of the largest (`safe_pratio_p`)."""

ROUNDING_BASE = 5
"""What counts are rounded to a multiple of, where rounding is asked for (`safe_round_base`)."""

BOUNDS = 100
"""What a largest value is rounded up to a multiple of."""

RULES = {
    "safe_threshold": SMALLEST_CELL,
    "safe_nk_n": DOMINANT,
    "safe_nk_k": DOMINANCE,
    "safe_pratio_p": P_RATIO,
    "safe_round_base": ROUNDING_BASE,
}
"""The parameters by ACRO's names."""

Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]


def failing_magnitudes(cell: Indices, worker: Indices, value: Numbers) -> dict[str, Bools]:
    """Which cells of a magnitude table one or two workers dominate.

    Args:
        cell: The cell of each record as numbers 0, 1, ..., (n,); -1 where it is in none.
        worker: The worker of each record as numbers 0, 1, ..., (n,).
        value: What each record adds to the magnitude of its cell, (n,), not negative.

    Returns:
        For each rule by ACRO's name, "p-ratio" and "nk-rule", whether each cell fails it, (c,). A cell of nothing but
        zeros fails neither.

    Examples:
        >>> failing_magnitudes(np.array([0, 0, 0]), np.array([0, 1, 2]), np.array([90.0, 5.0, 5.0]))["p-ratio"]
        array([ True])
    """
    found = Magnitudes()
    found.add(cell, worker, value)
    return found.failing()


@dataclass
class Magnitudes:
    """A magnitude table of c cells, read some workers at a time.

    Attributes:
        total: The magnitude of each cell, (c,).
        largest: What the largest contributors add to each cell, in descending order, (c, `DOMINANT`).
    """

    total: Numbers = field(default_factory=lambda: np.zeros(0))
    largest: Numbers = field(default_factory=lambda: np.zeros((0, DOMINANT)))

    def add(self, cell: Indices, worker: Indices, value: Numbers) -> None:
        """Add the records of some workers, who have none in any other call.

        Args:
            cell: The cell of each record as numbers 0, 1, ..., (n,); -1 where it is in none.
            worker: The worker of each record as numbers, (n,).
            value: What each record adds to the magnitude of its cell, (n,), not negative.
        """
        cells = max(len(self.total), int(cell.max(initial=-1)) + 1)
        self.total = np.pad(self.total, (0, cells - len(self.total)))
        self.largest = np.pad(self.largest, ((0, cells - len(self.largest)), (0, 0)))
        records = pl.DataFrame({"cell": cell, "worker": worker, "value": value}).filter(pl.col("cell") >= 0)
        parts = records.group_by("cell", "worker").agg(pl.col("value").sum()).sort("cell", "value", descending=True)
        own, added = parts["cell"].to_numpy(), parts["value"].to_numpy()
        self.total += np.bincount(own, added, cells)
        rank = np.arange(len(own)) - np.searchsorted(-own, -own)  # of a worker in the cell, from 0 for the largest
        is_large, large = rank < DOMINANT, np.zeros_like(self.largest)
        large[own[is_large], rank[is_large]] = added[is_large]
        self.largest = -np.sort(-np.hstack([self.largest, large]))[:, :DOMINANT]

    def failing(self) -> dict[str, Bools]:
        """For each rule by ACRO's name, whether each cell of what was added fails it, (c,)."""
        dominant, first = self.largest.sum(axis=1), self.largest[:, 0]
        return {
            "p-ratio": (first > 0) & (self.total - dominant < P_RATIO * first),
            "nk-rule": (first > 0) & (dominant >= DOMINANCE * self.total),
        }


def bound(largest: int) -> int:
    """A round number that no value exceeds, as the largest value itself is of one person.

    Args:
        largest: The largest value.

    Returns:
        The next multiple of `BOUNDS`.

    Examples:
        >>> bound(301), bound(300)
        (400, 300)
    """
    return -(-largest // BOUNDS) * BOUNDS


def round_counts(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """A table whose counts are multiples of the rounding base, so that totals no longer add up exactly.

    Args:
        frame: The table.
        columns: Its columns of counts; a missing count stays missing.

    Returns:
        The table with these columns rounded, halves up.

    Examples:
        >>> round_counts(pl.DataFrame({"workers": [12, 13, None]}), "workers")["workers"].to_list()
        [10, 15, None]
    """
    half = ROUNDING_BASE // 2
    return frame.with_columns((pl.col(columns) + half) // ROUNDING_BASE * ROUNDING_BASE)
