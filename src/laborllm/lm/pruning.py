"""Best-first scoring: only the branches that may still hold probability are run, and what is left out is known.

A branch that has not been run holds at most the probability of reaching it, so every title below it lies between zero
and that. Resolved titles hold r and open branches o: then the normalised forecast is within o / (r + o) of the exact
one, in total variation.
"""

import numpy as np
from numpy.typing import NDArray

from laborllm.lm.branching import Branching
from laborllm.lm.trie import LEAF


def expand(branching: Branching, tolerance: float) -> None:
    """Run nodes, all records at once, until the open branches of each hold at most `tolerance` of what they and the
    resolved titles hold together.

    In each round a record runs all of its open branches but the least probable ones that may stay open. These are the
    fewest nodes: a search that runs one branch at a time, the most probable first, runs the same. The branch of the
    most probable continuation is run however small it is.
    """
    while True:
        mass = branching.open_mass
        allowed = tolerance * (branching.resolved_mass + mass.sum(axis=1))
        record, node = (_wanted(mass, allowed) | _greedy_branch(branching)).nonzero()
        if not len(record):
            return
        branching.run(record, node + 1)


def _wanted(mass: NDArray[np.float64], allowed: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Of branches with the given probabilities, (B, N), all but the smallest that sum to at most `allowed`, (B,)."""
    ascending = np.argsort(mass, axis=1, kind="stable")
    total = np.take_along_axis(mass, ascending, axis=1).cumsum(axis=1)
    wanted = np.zeros(mass.shape, dtype=bool)
    np.put_along_axis(wanted, ascending, total > allowed[:, None], axis=1)
    return wanted & (mass > 0)


def _greedy_branch(branching: Branching) -> NDArray[np.bool_]:
    """(B, N) the node at which following the most probable tokens leaves what has been run."""
    wanted = np.zeros((len(branching.prompts), branching.trie.nodes), dtype=bool)
    for record in range(len(wanted)):
        row = branching.follow_greedy(record)
        if row is not None and row != LEAF:
            wanted[record, row - 1] = True
    return wanted
