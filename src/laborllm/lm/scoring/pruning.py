"""Best-first scoring: only the branches that may still hold probability are run, and what is left out is known.

A branch that has not been run holds at most the probability m of reaching it, which its k titles share with strings
that are no title. Each of them is given m / (k + 1). Then the branch is in doubt by k m / (k + 1) whichever way it
turns out: if it holds no title, its titles have that much too much; if all of it is one title, that one has as much
too little. Doubts add up to D, and all that is given to titles to Q. The raw mass is within D of Q, and the normalised
forecast within D / Q of the exact one, in total variation: of two distributions either may be compared where it is
larger; the one with the larger raw mass is nowhere larger on resolved titles, and elsewhere by at most D / Q together.
"""

import numpy as np
from numpy.typing import NDArray

from laborllm.lm.scoring.trie import LEAF
from laborllm.lm.scoring.trie_expansion import Branching

Floats = NDArray[np.float64]


def expand(branching: Branching, tolerance: float) -> None:
    """Run nodes, all records at once, until the doubt of each is at most `tolerance` of what its titles are given.

    In each round a record runs all of its open branches but those that may stay open: the ones that settle least doubt
    for each node that is left to run. These are as few nodes as a search needs that runs one branch at a time. A branch
    is run as far as it has no choice; that of the most probable continuation is run however small it is.
    """
    trie = branching.trie
    share = trie.titles_below[1:] / (trie.titles_below[1:] + 1)
    while True:
        mass = branching.open_mass
        allowed = _allowed(mass, mass * share, branching.resolved_mass, tolerance)
        wanted = _wanted(mass * share, mass * share / trie.rows_left[1:], allowed)
        record, node = (wanted | _greedy_branch(branching)).nonzero()
        if not len(record):
            return
        chain = trie.chains[node]
        branching.run(np.repeat(record, (chain >= 0).sum(axis=1)), chain[chain >= 0])


def _allowed(mass: Floats, doubt: Floats, resolved: Floats, tolerance: float) -> Floats:
    """(B,) the doubt that may stay, given that of each branch, (B, N). As branches are run, titles are given more, but
    never more than what is resolved and open now: as long as that leaves something to run, it is surely needed."""
    at_last, now = (tolerance * (resolved + given.sum(axis=1)) for given in (mass, doubt))
    return np.asarray(np.where(doubt.sum(axis=1) > at_last, at_last, now))


def _wanted(doubt: Floats, worth: Floats, allowed: Floats) -> NDArray[np.bool_]:
    """Of branches in doubt, (B, N), all but those of least worth whose doubts sum to at most `allowed`, (B,)."""
    ascending = np.argsort(worth, axis=1, kind="stable")
    total = np.take_along_axis(doubt, ascending, axis=1).cumsum(axis=1)
    wanted = np.zeros(doubt.shape, dtype=bool)
    np.put_along_axis(wanted, ascending, total > allowed[:, None], axis=1)
    return wanted & (doubt > 0)


def _greedy_branch(branching: Branching) -> NDArray[np.bool_]:
    """(B, N) the node at which following the most probable tokens leaves what has been run."""
    wanted = np.zeros((len(branching.prompts), branching.trie.nodes), dtype=bool)
    for record in range(len(wanted)):
        row = branching.follow_greedy(record)
        if row is not None and row != LEAF:
            wanted[record, row - 1] = True
    return wanted
