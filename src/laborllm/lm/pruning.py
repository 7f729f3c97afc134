"""Best-first scoring: only the branches that may still hold probability are run, and what is left out is known.

A branch that has not been run holds at most the probability of reaching it, so every title below it lies between zero
and that, and the forecast is off by no more than the sum.
"""

import numpy as np
from numpy.typing import NDArray

from laborllm.lm.branching import Branching
from laborllm.lm.trie import LEAF


def expand(branching: Branching, tolerance: float) -> None:
    """Run nodes, all records at once, until in each the branches not run hold at most `tolerance`.

    In each round a record runs all of its open branches but the least probable ones that hold `tolerance` together.
    These are the fewest nodes: a search that runs one branch at a time, the most probable first, runs the same. The
    branch of the most probable continuation is run however small it is.
    """
    while True:
        record, node = (_wanted(branching.open_mass, tolerance) | _greedy_branch(branching)).nonzero()
        if not len(record):
            return
        branching.run(record, node + 1)


def _wanted(mass: NDArray[np.float64], tolerance: float) -> NDArray[np.bool_]:
    """Of branches with the given probabilities, (B, N), all but the smallest that sum to at most `tolerance` a row."""
    ascending = np.argsort(mass, axis=1, kind="stable")
    total = np.take_along_axis(mass, ascending, axis=1).cumsum(axis=1)
    wanted = np.zeros(mass.shape, dtype=bool)
    np.put_along_axis(wanted, ascending, total > tolerance, axis=1)
    return wanted & (mass > 0)


def _greedy_branch(branching: Branching) -> NDArray[np.bool_]:
    """(B, N) the node at which following the most probable tokens leaves what has been run."""
    wanted = np.zeros((len(branching.prompts), branching.trie.nodes), dtype=bool)
    for record in range(len(wanted)):
        row = branching.follow_greedy(record)
        if row is not None and row != LEAF:
            wanted[record, row - 1] = True
    return wanted
