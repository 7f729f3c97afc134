"""ACRO's rules on single cells, with its names and defaults (https://arxiv.org/abs/2212.01233, acro 1.0).

A count, and any statistic, needs `SMALLEST_CELL` workers: the threshold rule. A magnitude, which adds up something of
each worker such as wages or sampling weights, is not shown either where a few workers are nearly all of it: by the
(n, k) rule where the largest two make up 90 % or more, by the p-ratio rule where all others together are less than 10 %
of the largest, who could then be calculated from the total by the second.

    failing_magnitudes(cell_of_record, worker, weight)  # {"p-ratio": (c,), "nk-rule": (c,)}, True where a rule fails
"""

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
    cells = int(cell.max(initial=-1)) + 1
    parts = pl.DataFrame({"cell": cell, "worker": worker, "value": value}).filter(pl.col("cell") >= 0)
    totals = parts.group_by("cell", "worker").agg(pl.col("value").sum())
    largest = totals.group_by("cell").agg(
        pl.col("value").sum().alias("all"),
        pl.col("value").max().alias("first"),
        pl.col("value").top_k(DOMINANT).sum().alias("dominant"),
        pl.col("value").top_k(2).sum().alias("two"),
    )
    rest, first = pl.col("all") - pl.col("two"), pl.col("first")
    failing = largest.filter(first > 0).select(
        "cell",
        (rest / first < P_RATIO).alias("p-ratio"),
        (pl.col("dominant") / pl.col("all") >= DOMINANCE).alias("nk-rule"),
    )
    found = {rule: np.zeros(cells, dtype=bool) for rule in ("p-ratio", "nk-rule")}
    for rule, mask in found.items():
        mask[failing.filter(rule)["cell"].to_numpy()] = True
    return found


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
