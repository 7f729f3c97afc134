"""The trie holds every title once, and adds up to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import TaxonomyError
from laborllm.lm.scoring.trie import LEAF, ROOT, build_trie

NEWLINE = 0
titles = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=6), min_size=1, max_size=40, unique_by=tuple).map(
    lambda found: [[*title, NEWLINE] for title in found]
)


def names(count: int) -> list[str]:
    return [f"title {index}" for index in range(count)]


@given(titles)
def test_edges_along_a_title_are_its_tokens(sequences: list[list[int]]) -> None:
    trie = build_trie(sequences, names(len(sequences)))
    tokens = np.append(trie.edge_token, -1)
    for sequence, edges in zip(sequences, trie.title_edges, strict=True):
        assert [token for token in tokens[edges] if token >= 0] == sequence


@given(titles)
def test_inner_nodes_are_the_proper_beginnings(sequences: list[list[int]]) -> None:
    trie = build_trie(sequences, names(len(sequences)))
    beginnings = {tuple(sequence[:length]) for sequence in sequences for length in range(1, len(sequence))}
    assert trie.nodes == len(beginnings)
    ancestors = [[node for node in row if node >= 0] for row in trie.ancestors]
    assert {tuple(trie.tokens[path]) for path in ancestors} == beginnings
    assert [len(path) for path in ancestors] == trie.depth.tolist()
    assert all(path[-1] == node for node, path in enumerate(ancestors))


@given(titles)
def test_following_tokens_leads_to_a_leaf(sequences: list[list[int]]) -> None:
    trie = build_trie(sequences, names(len(sequences)))
    for sequence in sequences:
        row = ROOT
        for token in sequence:
            assert row != LEAF
            row = trie.child[row, token]
        assert row == LEAF


@given(titles)
def test_what_lies_below_a_row(sequences: list[list[int]]) -> None:
    trie = build_trie(sequences, names(len(sequences)))
    paths = [[], *([node for node in row if node >= 0] for row in trie.ancestors)]
    beginnings = [trie.tokens[path].tolist() for path in paths]
    for row, beginning in enumerate(beginnings):
        below = [title for title in sequences if title[: len(beginning)] == beginning]
        assert trie.titles_below[row] == len(below)
        assert trie.rows_left[row] == pytest.approx(np.mean([len(title) - len(beginning) for title in below]))
    for row in range(1, len(paths)):
        chain = trie.chains[row - 1][trie.chains[row - 1] >= 0].tolist()
        choices = [np.flatnonzero(trie.edge_row == link) for link in chain]
        assert chain[0] == row
        assert [trie.edge_child[edges].tolist() for edges in choices[:-1]] == [[link] for link in chain[1:]]
        assert len(choices[-1]) > 1 or trie.edge_child[choices[-1]].tolist() == [LEAF]


@pytest.mark.parametrize("clash", [[[1, 2], [1, 2]], [[1], [1, 2]], [[1, 2], [1]]])
def test_clashing_titles_are_refused(clash: list[list[int]]) -> None:
    with pytest.raises(TaxonomyError, match="title 1"):
        build_trie(clash, names(2))
