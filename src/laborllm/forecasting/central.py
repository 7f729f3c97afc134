"""Central intervals of draws, as order statistics: the one place that turns a level into two ranks.

The tail of a level is not computed in floating point and given to a quantile: (1 - 0.95) / 2 is 2e-17 too much, and
where 2.5 % of the draws is a whole number, the lower end would be one order statistic too high.
"""

from collections.abc import Iterable
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.number]


def tails(level: float) -> tuple[float, float]:
    """The share of draws below each end of the central interval of a level, such as 0.025 and 0.975 for 0.95."""
    tail = _exact_tail(level)
    return float(tail), float(1 - tail)


def central_interval(draws: Numbers, level: float, *, axis: int = 0) -> tuple[Numbers, Numbers]:
    """The central interval of draws of whole numbers.

    Each end is the least draw that at least its share of all draws do not exceed (the inverse of the empirical
    distribution function; Hyndman and Fan 1996, definition 1).

    Args:
        draws: D draws along `axis`.
        level: Share of the draws between the ends, as it is written: 0.95 is 95 %.
        axis: Where the draws are.

    Returns:
        Lower and upper ends, `axis` dropped.

    Examples:
        >>> low, high = central_interval(np.arange(1, 201), 0.95)
        >>> int(low), int(high)
        (5, 195)
    """
    tail = _exact_tail(level)
    low, high = order_statistics(draws, (tail, 1 - tail), axis=axis)
    return low, high


def order_statistics(draws: Numbers, shares: Iterable[Fraction], *, axis: int = 0) -> list[Numbers]:
    """For each share, the least draw that at least that share of all draws do not exceed, `axis` dropped.

    Args:
        draws: Draws along `axis`, in any unit.
        shares: Shares of the draws, above 0 up to 1.
        axis: Where the draws are.
    """
    ordered = np.sort(draws, axis=axis)
    count = draws.shape[axis]
    return [np.take(ordered, max(ceil(share * count), 1) - 1, axis=axis) for share in shares]


def _exact_tail(level: float) -> Fraction:
    return (1 - Fraction(str(level))) / 2
