"""The prefix tree of title tokens: each shared beginning of titles is run once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from laborllm.errors import TaxonomyError

ROOT = 0
LEAF = -1


@dataclass(frozen=True)
class TitleTrie:
    """Row 0 is the end of the prompt; rows 1..N are the inner nodes, parents first, each run by the model once.

    Attributes:
        tokens: Token of each inner node, (N,).
        depth: Its distance from the root, (N,).
        ancestors: Inner nodes (0-based) from the first token down to the node itself, (N, D), padded with -1.
        edge_row: The row that each of E edges starts at, sorted, (E,).
        edge_token: The token that it stands for, (E,).
        edge_child: The row that it leads to, or `LEAF`, (E,).
        title_edges: The edges whose log-probabilities add up to a title's, (J, M), padded with E.
        child: (row, token) to the row reached, or `LEAF` at the end of a title.
    """

    tokens: NDArray[np.int64]
    depth: NDArray[np.int64]
    ancestors: NDArray[np.int64]
    edge_row: NDArray[np.int64]
    edge_token: NDArray[np.int64]
    edge_child: NDArray[np.int64]
    title_edges: NDArray[np.int64]
    child: dict[tuple[int, int], int]

    @property
    def nodes(self) -> int:
        """How many inner nodes there are, N."""
        return len(self.tokens)

    @property
    def edges(self) -> int:
        """How many edges there are, E."""
        return len(self.edge_row)

    @cached_property
    def first_edge(self) -> NDArray[np.int64]:
        """(1 + N + 1,) the edges of row r are first_edge[r] to first_edge[r + 1] - 1."""
        return np.searchsorted(self.edge_row, np.arange(self.nodes + 2))

    @cached_property
    def title_row(self) -> NDArray[np.int64]:
        """(J,) the row that the last edge of each title starts from: once it has been run, the title is resolved."""
        lengths = (self.title_edges < self.edges).sum(axis=1)
        return np.asarray(self.edge_row[self.title_edges[np.arange(len(lengths)), lengths - 1]])

    @cached_property
    def edges_after(self) -> NDArray[np.int64]:
        """(1 + N, W) the edges that start at each row, padded with E."""
        bounds = zip(self.first_edge[:-1], self.first_edge[1:], strict=True)
        return _padded([range(*bound) for bound in bounds], fill=self.edges)

    @cached_property
    def title_of_edge(self) -> NDArray[np.int64]:
        """(E,) the title that each edge ends, -1 where it leads on."""
        lengths = (self.title_edges < self.edges).sum(axis=1)
        title = np.full(self.edges, -1)
        title[self.title_edges[np.arange(len(lengths)), lengths - 1]] = np.arange(len(lengths))
        return title

    @cached_property
    def edge_to(self) -> NDArray[np.int64]:
        """(N,) the edge that leads to each inner node."""
        inner = np.flatnonzero(self.edge_child != LEAF)
        edge_to = np.empty(self.nodes, dtype=np.int64)
        edge_to[self.edge_child[inner] - 1] = inner
        return edge_to

    @cached_property
    def node_edges(self) -> NDArray[np.int64]:
        """(N, D) the edges from the root down to each inner node, padded with E."""
        return np.append(self.edge_to, self.edges)[self.ancestors]

    @cached_property
    def titles_below(self) -> NDArray[np.int64]:
        """(1 + N,) how many titles each row leads to."""
        return np.bincount(self._rows_along[self._rows_along >= 0], minlength=1 + self.nodes)

    @cached_property
    def rows_left(self) -> NDArray[np.float64]:
        """(1 + N,) rows from each one to the end of a title, itself included: the mean over the titles below it."""
        along = self._rows_along >= 0
        left = along.sum(axis=1, keepdims=True) - np.arange(along.shape[1])
        total = np.bincount(self._rows_along[along], left[along], minlength=1 + self.nodes)
        return np.asarray(total / self.titles_below)

    @cached_property
    def chains(self) -> NDArray[np.int64]:
        """(N, L) the rows from each inner node on as long as there is no choice, itself first, padded with -1."""
        chain: dict[int, list[int]] = {LEAF: []}
        for row in range(self.nodes, ROOT, -1):
            first, last = self.first_edge[row : row + 2]
            only = int(self.edge_child[first]) if last - first == 1 else LEAF
            chain[row] = [row, *chain[only]]
        return _padded([chain[row] for row in range(1, 1 + self.nodes)], fill=-1)

    @cached_property
    def _rows_along(self) -> NDArray[np.int64]:
        """(J, M) the rows that the edges of each title start from, padded with -1."""
        return np.append(self.edge_row, -1)[self.title_edges]


def build_trie(titles: Sequence[Sequence[int]], names: Sequence[str]) -> TitleTrie:
    """The trie of J token sequences; raises `TaxonomyError` if one is equal to, or the beginning of, another."""
    child: dict[tuple[int, int], int] = {}
    edge: dict[tuple[int, int], int] = {}
    paths: list[list[int]] = [[]]  # of each row, its inner nodes
    tokens: list[int] = []
    title_edges: list[list[int]] = []
    for name, title in zip(names, titles, strict=True):
        row, along = ROOT, []
        for step, token in enumerate(title):
            key = (row, token)
            is_last = step == len(title) - 1
            if key in child and (is_last or child[key] == LEAF):
                raise TaxonomyError(f"title {name!r} equals another title, or begins with it, once tokenised")
            if key not in child:
                edge[key] = len(edge)
                child[key] = LEAF if is_last else len(paths)
                if not is_last:
                    paths.append([*paths[row], len(tokens)])
                    tokens.append(token)
            along.append(edge[key])
            row = child[key]
        title_edges.append(along)
    order = sorted(edge, key=lambda key: key[0])
    place = np.empty(len(edge) + 1, dtype=np.int64)  # of an edge in that order; the padding stays last
    place[[edge[key] for key in order] + [len(edge)]] = np.arange(len(edge) + 1)
    return TitleTrie(
        tokens=np.array(tokens, dtype=np.int64),
        depth=np.array([len(path) for path in paths[1:]], dtype=np.int64),
        ancestors=_padded(paths[1:], fill=-1),
        edge_row=np.array([row for row, _ in order], dtype=np.int64),
        edge_token=np.array([token for _, token in order], dtype=np.int64),
        edge_child=np.array([child[key] for key in order], dtype=np.int64),
        title_edges=place[_padded(title_edges, fill=len(edge))],
        child=child,
    )


def _padded(rows: Sequence[Sequence[int]], fill: int) -> NDArray[np.int64]:
    width = max((len(row) for row in rows), default=0)
    table = np.full((len(rows), width), fill, dtype=np.int64)
    for index, row in enumerate(rows):
        table[index, : len(row)] = row
    return table
