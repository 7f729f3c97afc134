"""CORP reliability curves: the share in which an event happened as the best non-decreasing function of its probability.

Pool-adjacent-violators chooses the bins, so that no number of bins has to be (Dimitriadis, Gneiting and Jordan 2021,
PNAS 118(8)). Neighbouring bins of too few workers are put together.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np

from laborllm.evaluation.arrays import Numbers
from laborllm.evaluation.metrics.events import Cases
from laborllm.privacy import SMALLEST_CELL


def reliability_bins(ordered: Iterable[Iterable[Cases]]) -> Numbers:
    """The bins of a reliability curve.

    Args:
        ordered: Cases of an event in ranges of their probabilities, as `in_order` gives them; gone through twice.

    Returns:
        The largest probability of each bin, ascending; one bin where there are too few workers for two.
    """
    ends, _ = isotonic(ordered)
    return _merged(ordered, ends)


def isotonic(ordered: Iterable[Iterable[Cases]]) -> tuple[Numbers, Numbers]:
    """The weighted least-squares fit of an outcome by a non-decreasing function of its probability.

    By pooling adjacent violators.

    Args:
        ordered: As `reliability_bins` takes it.

    Returns:
        The largest probability of each step of the function, ascending, and its value there.
    """
    steps: list[tuple[float, float, float]] = []  # largest probability, value, weight
    for end, total, weight in _by_probability(ordered):
        value = total / weight if weight else 0.0
        while steps and steps[-1][1] >= value:
            _, before, mass = steps.pop()
            both = mass + weight
            value = (before * mass + value * weight) / both if both else value
            weight = both
        steps.append((end, value, weight))
    ends, values, _ = np.array(steps).T
    return ends, values


def _by_probability(ordered: Iterable[Iterable[Cases]]) -> Iterator[tuple[float, float, float]]:
    """Each probability, and the weighted outcomes and the weight of its cases."""
    held: list[float] | None = None
    for part in chain.from_iterable(ordered):
        starts = np.flatnonzero(np.diff(part.probability, prepend=-np.inf) > 0)
        sums = [np.add.reduceat(each, starts) for each in (part.weight * part.outcome, part.weight)]
        for row in np.stack([part.probability[starts], *sums], axis=1).tolist():
            if held is not None and held[0] == row[0]:
                held[1:] = held[1] + row[1], held[2] + row[2]
                continue
            if held is not None:
                yield held[0], held[1], held[2]
            held = row
    if held is not None:
        yield held[0], held[1], held[2]


def _merged(ordered: Iterable[Iterable[Cases]], ends: Numbers) -> Numbers:
    """The ends of bins, joined from the left until each holds enough workers; what is left over at the end joins the
    last."""
    merged: list[float] = []
    bin_, workers = 0, set[int]()
    for part in chain.from_iterable(ordered):
        place = np.searchsorted(ends, part.probability)
        for at in np.unique(place):
            if at > bin_ and len(workers) >= SMALLEST_CELL:
                merged.append(ends[bin_])
                workers.clear()
            bin_ = at
            start, end = np.searchsorted(place, [at, at + 1])
            workers.update(np.unique(part.worker[start:end])[:SMALLEST_CELL].tolist())
    if len(workers) < SMALLEST_CELL:
        merged = merged[:-1]
    return np.array([*merged, ends[-1]])
