"""Trie expansion: the trie of titles from the ends of prompts, which of its nodes have been run, and what followed.

A record's row 0 is the end of its prompt, rows 1..N are the inner nodes of the trie. Nodes may be run in any order in
which a node comes after its parent: all at once (`tree`), or the most probable first (`pruned`).
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from laborllm.lm.forward.decoder import Decoder
from laborllm.lm.kernels.packed_attention import PackedAttention
from laborllm.lm.kernels.tree_attention import KVCache, TreeAttention
from laborllm.lm.scoring.trie import LEAF, ROOT, TitleTrie
from laborllm.runtime import TRIE_NODES

Ints = NDArray[np.int64]


class TrieExpansion:
    """The expansion of one trie after B prompts, whose roots are run at once.

    Attributes:
        prompts: (start, end) of each record's prompt in the pass `prefix`, which has stored its keys and values.
        edge_log_prob: (B, E) nats, zero where the edge's row has not been run.
        ran: (B, 1 + N) whether a row has been run.
        greedy: (B, 1 + N) the most probable token after each row that was run.
    """

    def __init__(
        self, decoder: Decoder, trie: TitleTrie, hidden: Tensor, prefix: PackedAttention, prompts: list[tuple[int, int]]
    ) -> None:
        """hidden: (B, d) states at the ends of the prompts."""
        self.decoder, self.trie, self.prefix, self.prompts = decoder, trie, prefix, prompts
        records, rows = len(prompts), 1 + trie.nodes
        self.edge_log_prob = np.zeros((records, trie.edges))
        self.ran = np.zeros((records, rows), dtype=bool)
        self.greedy = np.zeros((records, rows), dtype=np.int64)
        self._cache = KVCache(records * trie.nodes)
        self._place = np.full((records, rows), -1)  # of a node in the cache
        self._nodes = 0
        self._record(hidden, np.arange(records), np.zeros(records, dtype=np.int64))

    def run(self, record: Ints, row: Ints) -> None:
        """Run inner nodes of the trie, each after its parent.

        Args:
            record: The record of each node, (n,) ascending.
            row: Its row of the trie, (n,); the parent of each comes before it, or was run earlier.
        """
        size = TRIE_NODES[self.decoder.device.type]
        for start in range(0, len(row), size):
            self._pass(record[start : start + size], row[start : start + size])

    def run_all(self) -> None:
        """Run every node of the trie for every record; those of like depth together, as each gathers its ancestors."""
        records, by_depth = len(self.prompts), 1 + np.argsort(self.trie.depth, kind="stable")
        self.run(np.repeat(np.arange(records), self.trie.nodes), np.tile(by_depth, records))

    def along(self, edges: Ints) -> NDArray[np.float64]:
        """Sum of the known log-probabilities along each of P paths of edges, (P, M) padded with E: (B, P) nats."""
        return np.asarray(np.pad(self.edge_log_prob, ((0, 0), (0, 1)))[:, edges].sum(axis=-1))

    @property
    def resolved(self) -> NDArray[np.bool_]:
        """(B, J) the titles whose every token has been followed."""
        return self.ran[:, self.trie.title_row]

    @property
    def resolved_mass(self) -> NDArray[np.float64]:
        """(B,) probability of the resolved titles together."""
        return np.asarray(np.where(self.resolved, np.exp(self.along(self.trie.title_edges)), 0.0).sum(axis=1))

    @property
    def open_mass(self) -> NDArray[np.float64]:
        """(B, N) probability of each branch that may be run next: of an inner node whose parent has been run, and that
        has not been run itself. Zero for any other node."""
        trie = self.trie
        is_open = self.ran[:, trie.edge_row[trie.edge_to]] & ~self.ran[:, 1:]
        return np.where(is_open, np.exp(self.along(trie.node_edges)), 0.0)

    def follow_greedy(self, record: int) -> int | None:
        """Where the most probable tokens of a record lead: `LEAF` at the end of a title, a row that has not been
        run, or None where they leave the trie."""
        row: int | None = ROOT
        while row is not None and row != LEAF and self.ran[record, row]:
            row = self.trie.child.get((row, int(self.greedy[record, row])))
        return row

    def _pass(self, record: Ints, row: Ints) -> None:
        device = self.decoder.device
        members, sizes = np.unique(record, return_counts=True)
        first, self._nodes = self._nodes, self._nodes + len(row)
        self._place[record, row] = np.arange(first, self._nodes)
        depth = self.trie.depth[row - 1]
        ancestors = self.trie.ancestors[row - 1, : depth.max()]
        places = np.where(ancestors < 0, -1, self._place[record[:, None], ancestors + 1])
        prompts = [self.prompts[member] for member in members]
        ancestor_places = torch.from_numpy(places).to(device)
        pattern = TreeAttention(self.prefix, prompts, sizes.tolist(), ancestor_places, first, self._cache)
        lengths = np.array([end - start for start, end in self.prompts])
        positions = torch.from_numpy(lengths[record] + depth - 1).to(device)
        tokens = torch.from_numpy(self.trie.tokens[row - 1]).to(device)
        self._record(self.decoder.forward(tokens[None], positions[None], pattern)[0], record, row)

    def _record(self, hidden: Tensor, record: Ints, row: Ints) -> None:
        """Record the log-probabilities of the edges after rows, from their hidden states, (n, d)."""
        first, last = self.trie.first_edge[row], self.trie.first_edge[row + 1]
        at = np.repeat(np.arange(len(row)), last - first)
        edge = np.concatenate([np.arange(*bounds) for bounds in zip(first, last, strict=True)])
        token = torch.from_numpy(self.trie.edge_token[edge]).to(hidden.device)
        log_prob, greedy = self.decoder.next_tokens(hidden, torch.from_numpy(at).to(hidden.device), token)
        self.edge_log_prob[record[at], edge] = log_prob.cpu().numpy()
        self.greedy[record, row] = greedy.cpu().numpy()
        self.ran[record, row] = True
