"""CORP reliability curves: the share in which an event happened as the best non-decreasing function of its probability.

Pool-adjacent-violators chooses the bins, so that no number of bins has to be (Dimitriadis, Gneiting and Jordan 2021,
PNAS 118(8)). Neighbouring bins of too few workers are put together.
"""

import numpy as np

from laborllm.evaluation.arrays import Indices, Numbers
from laborllm.privacy import SMALLEST_CELL


def reliability_bins(probability: Numbers, outcome: Numbers, weight: Numbers, worker: Indices) -> Indices:
    """The bins of a reliability curve, from the least probability to the largest.

    Args:
        probability: Of an event, for n records.
        outcome: What happened, one or zero.
        weight: Of each record.
        worker: As numbers.

    Returns:
        The bin of each record as numbers 0, 1, ..., (n,); one bin where there are too few workers for two.
    """
    order = np.argsort(probability, kind="stable")
    fitted = isotonic(probability[order], outcome[order], weight[order])
    level = np.concatenate([[0], np.cumsum(np.diff(fitted) > 0)])
    bins = np.empty(len(order), dtype=np.intp)
    bins[order] = _merged(level, worker[order])
    return bins


def isotonic(probability: Numbers, outcome: Numbers, weight: Numbers) -> Numbers:
    """The weighted least-squares fit of an outcome by a non-decreasing function of a probability.

    By pooling adjacent violators.

    Args:
        probability: In ascending order, (n,).
        outcome: What happened, 0 or 1, (n,).
        weight: Of each record, (n,).

    Returns:
        The fitted value of each record, (n,); one value for equal probabilities.
    """
    starts = np.flatnonzero(np.diff(probability, prepend=-np.inf) > 0)
    total = np.add.reduceat(weight, starts)
    mean = np.add.reduceat(weight * outcome, starts) / np.where(total > 0, total, 1)
    blocks: list[tuple[float, float, int]] = []  # value, weight, how many distinct probabilities
    for value, mass in zip(mean, total, strict=True):
        block = (float(value), float(mass), 1)
        while blocks and blocks[-1][0] >= block[0]:
            before = blocks.pop()
            both = before[1] + block[1]
            value = (before[0] * before[1] + block[0] * block[1]) / both if both else block[0]
            block = (value, both, before[2] + block[2])
        blocks.append(block)
    values = np.repeat([block[0] for block in blocks], [block[2] for block in blocks])
    return np.repeat(values, np.diff(np.append(starts, len(probability))))


def _merged(level: Indices, worker: Indices) -> Indices:
    """Bins of sorted records, (n,), joined from the left until each holds enough workers; what is left over at the end
    joins the last."""
    ends = np.append(np.flatnonzero(np.diff(level)) + 1, len(level))
    merged, start, number = np.zeros(len(level), dtype=np.intp), 0, 0
    for end in ends:
        if len(np.unique(worker[start:end])) >= SMALLEST_CELL or end == len(level):
            merged[start:end] = number
            start, number = end, number + 1
    if number > 1 and len(np.unique(worker[merged == number - 1])) < SMALLEST_CELL:
        merged[merged == number - 1] = number - 2
    return merged
