"""Scores of titles: the probability of each, or an upper bound on it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from laborllm.lm.scoring.trie import LEAF
from laborllm.lm.scoring.trie_expansion import TrieExpansion

RESOLVED = -1
ROUNDING = 1e-6  # of a probability in float32


@dataclass(frozen=True)
class TitleScores:
    """Scores of J titles for T records.

    Attributes:
        log_prob: (T, J) nats, not normalised over titles. For one of k titles below a branch that was not run, a
            (k + 1)th of the branch's probability: see `pruning`.
        greedy_valid: (T,) whether the most probable continuation, token by token, is a title.
        highest: (T, J) nats, upper bound of the log-probability: the branch's, or log_prob itself where resolved.
        branch: (T, J) the row of the trie that a title is below and that was not run, or `RESOLVED`.
    """

    log_prob: NDArray[np.float64]
    greedy_valid: NDArray[np.bool_]
    highest: NDArray[np.float64]
    branch: NDArray[np.int64]

    @classmethod
    def exact(cls, log_prob: NDArray[np.float64], greedy_valid: NDArray[np.bool_]) -> Self:
        """Scores of titles that are all resolved.

        Args:
            log_prob: (T, J) nats.
            greedy_valid: Whether the most probable continuation, token by token, is a title, (T,).

        Returns:
            The scores, whose bounds are the log-probabilities themselves.
        """
        return cls(log_prob, greedy_valid, log_prob, np.full(log_prob.shape, RESOLVED))

    @classmethod
    def join(cls, parts: Iterable[Self]) -> Self:
        """The records of all parts, one after the other."""
        return cls(*map(np.concatenate, zip(*(part._columns() for part in parts), strict=True)))

    @property
    def unresolved_mass(self) -> NDArray[np.float64]:
        """(T,) probability given to titles that are not resolved. The raw mass differs from the sum of the
        probabilities given here by no more."""
        return np.asarray(np.where(self.branch == RESOLVED, 0, np.exp(self.log_prob)).sum(axis=1))

    @property
    def error_bound(self) -> NDArray[np.float64]:
        """(T,) largest possible total variation from the exact forecast, once both are normalised over titles."""
        return np.asarray(self.unresolved_mass / np.exp(self.log_prob).sum(axis=1))

    def records(self) -> Iterator[Self]:
        """The scores of one record each."""
        for at in range(len(self.log_prob)):
            yield type(self)(*(column[at : at + 1] for column in self._columns()))

    def resolving(self, title: NDArray[np.intp], log_prob: NDArray[np.float64]) -> Self:
        """Resolve one title of each record; the rest of its branch is left to the other titles below it.

        Args:
            title: Its column, (T,).
            log_prob: Its log-probability, (T,) nats.

        Returns:
            The tighter scores.
        """
        at = (np.arange(len(title)), title)
        was_open = self.branch[at] != RESOLVED
        below = (self.branch == self.branch[at][:, None]) & was_open[:, None]
        mass = np.exp(self.highest[at])
        log_left = np.log(np.maximum(mass - np.exp(log_prob), ROUNDING * mass))[:, None]
        even = log_left - np.log(np.maximum(below.sum(axis=1, keepdims=True), 1))
        found = np.where(below, even, self.log_prob), np.where(below, log_left, self.highest)
        for column in found:
            column[at] = np.where(was_open, log_prob, column[at])
        branch = self.branch.copy()
        branch[at] = RESOLVED
        return replace(self, log_prob=found[0], highest=found[1], branch=branch)

    def _columns(self) -> tuple[NDArray[Any], ...]:
        return self.log_prob, self.greedy_valid, self.highest, self.branch


def title_scores(expansion: TrieExpansion) -> TitleScores:
    """The scores of titles that follow from the nodes that have been run."""
    trie = expansion.trie
    resolved = expansion.resolved
    highest = expansion.along(trie.title_edges)  # of an unresolved title, this is the probability of its branch
    known = np.pad(expansion.ran[:, trie.edge_row], ((0, 0), (0, 1)), constant_values=True)[:, trie.title_edges]
    first_unknown = trie.title_edges[np.arange(len(trie.title_edges)), known.argmin(axis=-1)]
    branch = trie.edge_row[first_unknown]
    log_prob = np.where(resolved, highest, highest - np.log1p(trie.titles_below[branch]))
    return TitleScores(log_prob, _greedy_valid(expansion), highest, np.where(resolved, RESOLVED, branch))


def _greedy_valid(expansion: TrieExpansion) -> NDArray[np.bool_]:
    return np.array([expansion.follow_greedy(record) == LEAF for record in range(len(expansion.prompts))])
