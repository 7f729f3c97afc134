"""Best-first scoring: only the branches that may still hold probability are run, with a bound on the error.

A branch that has not been run holds at most the probability m of reaching it, which its k titles share with strings
that are no title. Each of them is given m / (k + 1). The unresolved mass of the branch is then k m / (k + 1), whichever
way it turns out: if it holds no title, its titles have that much too much; if all of it is one title, that one has as
much too little. Unresolved mass adds up to D, and the probability given to titles to Q. The raw mass is within D of Q,
and the normalised forecast within D / Q of the exact one, in total variation: of two distributions either may be
compared where it is larger; the one with the larger raw mass is nowhere larger on resolved titles, and elsewhere by at
most D / Q together.
"""

import numpy as np
from numpy.typing import NDArray

from laborllm.lm.scoring.trie import LEAF
from laborllm.lm.scoring.trie_expansion import TrieExpansion

Floats = NDArray[np.float64]


def expand(expansion: TrieExpansion, tolerance: float) -> None:
    """Run nodes, all records at once, until unresolved mass is at most `tolerance` of the probability given to titles.

    In each round a record runs all of its open branches but those that may stay open: the ones that resolve least mass
    for each node that is left to run. No more nodes are run than by a search that runs one branch at a time. A branch
    is run up to its next fork, and the branch of the most probable continuation is always run.

    Args:
        expansion: What has been run of the trie, which grows.
        tolerance: Of the normalised forecast, in total variation.
    """
    trie = expansion.trie
    share = trie.titles_below[1:] / (trie.titles_below[1:] + 1)
    while True:
        mass = expansion.open_mass
        allowed = _allowed(mass, mass * share, expansion.resolved_mass, tolerance)
        wanted = _wanted(mass * share, mass * share / trie.rows_left[1:], allowed)
        record, node = (wanted | _greedy_branch(expansion)).nonzero()
        if not len(record):
            return
        chain = trie.chains[node]
        expansion.run(np.repeat(record, (chain >= 0).sum(axis=1)), chain[chain >= 0])


def _allowed(mass: Floats, unresolved: Floats, resolved: Floats, tolerance: float) -> Floats:
    """(B,) the unresolved mass that may stay, given the mass and unresolved mass of each branch, (B, N).

    The limit is a share of the probability given to titles, which grows while branches are run, at most to all that is
    resolved or open now. As long as more is unresolved than that largest limit, what exceeds it is needed in any case.
    """
    at_last, now = (tolerance * (resolved + given.sum(axis=1)) for given in (mass, unresolved))
    return np.asarray(np.where(unresolved.sum(axis=1) > at_last, at_last, now))


def _wanted(unresolved: Floats, worth: Floats, allowed: Floats) -> NDArray[np.bool_]:
    """(B, N) all branches with unresolved mass but those of least worth that sum to at most `allowed`, (B,)."""
    ascending = np.argsort(worth, axis=1, kind="stable")
    total = np.take_along_axis(unresolved, ascending, axis=1).cumsum(axis=1)
    wanted = np.zeros(unresolved.shape, dtype=bool)
    np.put_along_axis(wanted, ascending, total > allowed[:, None], axis=1)
    return wanted & (unresolved > 0)


def _greedy_branch(expansion: TrieExpansion) -> NDArray[np.bool_]:
    """(B, N) the node at which following the most probable tokens leaves what has been run."""
    wanted = np.zeros((len(expansion.prompts), expansion.trie.nodes), dtype=bool)
    for record in range(len(wanted)):
        row = expansion.follow_greedy(record)
        if row is not None and row != LEAF:
            wanted[record, row - 1] = True
    return wanted
