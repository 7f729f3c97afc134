"""Draws of titles token by token, exactly from the normalised forecast: sampling and rejection.

A draw follows the tokens of the model over its whole vocabulary, and begins again where it leaves the trie of titles.
So a title is drawn with its probability divided by the raw mass, which masking the tokens that lead to no title would
not give. Only the nodes that draws pass are run, some of the trie instead of all.

Each draw needs one uniform number. A token is an interval of it, and what lies within the interval is the number of the
next token (arithmetic decoding), so a draw inverts a distribution function. The tokens of one title are put first: a
number below its probability draws it, which couples draws from different models (see `forecasting.simulation.draws`).
"""

import numpy as np
from numpy.typing import NDArray

from laborllm.lm.scoring.trie import LEAF, ROOT
from laborllm.lm.scoring.trie_expansion import Ints, TrieExpansion

Floats = NDArray[np.float64]

ATTEMPTS = 8
"""How often a draw begins again. Then the whole trie is run: the raw mass of this record is small."""
LARGEST = np.nextafter(1.0, 0.0)


def draw_titles(expansion: TrieExpansion, record: Ints, first: Ints, uniform: Floats) -> Ints:
    """Draw one title for each of n numbers.

    Args:
        expansion: The trie after B prompts, which grows by the nodes that draws pass.
        record: The record of each draw, (n,).
        first: Column of the title that is put first in the order of each draw, (n,); J for none.
        uniform: (n,) numbers from 0 to below 1.

    Returns:
        (n,) columns.
    """
    column, number = np.full(len(record), -1), uniform.copy()
    left = np.arange(len(record))
    for _ in range(ATTEMPTS):
        column[left], number[left] = _attempt(expansion, record[left], first[left], number[left])
        left = np.flatnonzero(column < 0)
        if not len(left):
            return column
    column[left] = _from_whole_trie(expansion, record[left], first[left], number[left])
    return column


def invert(probability: Floats, first: Ints, number: Floats) -> tuple[Ints, Floats]:
    """Where numbers fall among intervals as long as probabilities, one interval put first.

    Args:
        probability: (n, W) lengths, which add up to at most one.
        first: (n,) the interval that begins at zero; the others follow in their order; W or more for none.
        number: (n,) from 0 to below 1.

    Returns:
        The interval of each number, W beyond all, and where in it the number lies, from 0 to below 1; (n,) each.
    """
    rows, width = np.arange(len(probability)), probability.shape[1]
    order = np.argsort(np.arange(width) != first[:, None], axis=1, kind="stable")
    edges = np.pad(np.take_along_axis(probability, order, axis=1).cumsum(axis=1), ((0, 0), (1, 0)))
    place = (edges[:, 1:] <= number[:, None]).sum(axis=1)
    ends = np.column_stack([edges, np.ones(len(edges))])
    low, high = ends[rows, place], ends[rows, place + 1]
    within = (number - low) / np.maximum(high - low, np.finfo(float).tiny)
    return np.column_stack([order, np.full(len(order), width)])[rows, place], within.clip(0, LARGEST)


def _attempt(expansion: TrieExpansion, record: Ints, first: Ints, number: Floats) -> tuple[Ints, Floats]:
    """The title of each draw, (n,), -1 where it was rejected; and what is left of its number, (n,)."""
    trie = expansion.trie
    beginning = np.pad(trie.title_edges, ((0, 1), (0, 1)), constant_values=trie.edges)[first]  # (n, M + 1)
    column, row, number = np.full(len(record), -1), np.full(len(record), ROOT), number.copy()
    alive = np.arange(len(record))
    for step in range(trie.title_edges.shape[1]):
        _run(expansion, record[alive], row[alive])
        edges = trie.edges_after[row[alive]]  # (a, W)
        known = np.pad(expansion.edge_log_prob, ((0, 0), (0, 1)), constant_values=-np.inf)
        matches = edges == np.where(beginning[alive, step] < trie.edges, beginning[alive, step], -1)[:, None]
        favoured = np.where(matches.any(axis=1), matches.argmax(axis=1), edges.shape[1])
        place, number[alive] = invert(np.exp(known[record[alive][:, None], edges]), favoured, number[alive])
        inside = place < edges.shape[1]
        edge = edges[inside, place[inside]]
        alive, child = alive[inside], trie.edge_child[edge]
        column[alive[child == LEAF]] = trie.title_of_edge[edge[child == LEAF]]
        alive, child = alive[child != LEAF], child[child != LEAF]
        row[alive] = child
        if not len(alive):
            break
    return column, number


def _run(expansion: TrieExpansion, record: Ints, row: Ints) -> None:
    """Run the rows that have not been run, and what follows each as long as there is no choice."""
    fresh = ~expansion.ran[record, row]
    if fresh.any():
        pairs = np.unique(np.column_stack([record[fresh], row[fresh]]), axis=0)
        chain = expansion.trie.chains[pairs[:, 1] - 1]
        expansion.run(np.repeat(pairs[:, 0], (chain >= 0).sum(axis=1)), chain[chain >= 0])


def _from_whole_trie(expansion: TrieExpansion, record: Ints, first: Ints, number: Floats) -> Ints:
    """Draws from the normalised probabilities of all titles, (n,), which a rejection does not change."""
    trie = expansion.trie
    members = np.unique(record)
    at, node = (~expansion.ran[members, 1:]).nonzero()
    expansion.run(members[at], node + 1)
    log_prob = expansion.along(trie.title_edges)[record]
    probability = np.exp(log_prob - np.logaddexp.reduce(log_prob, axis=1, keepdims=True))
    column, _ = invert(probability, first, number)
    return np.minimum(column, len(trie.title_edges) - 1)
