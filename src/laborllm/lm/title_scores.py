"""What scoring tells of every title: its probability, or the most that it can be."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from laborllm.lm.branching import Branching
from laborllm.lm.trie import LEAF


@dataclass(frozen=True)
class TitleScores:
    """Of T records: log_prob (T, J) nats, not normalised over titles; greedy_valid (T,) whether the most probable
    continuation, token by token, is a title.

    highest: (T, J) nats, what the log-probability is at most; it is log_prob itself where the title is resolved.
    unresolved: (T,) probability of the branches that were not run, which the titles below them share with strings that
    are no title. The log_prob of an unresolved title is an even share of half of its branch.
    """

    log_prob: NDArray[np.float64]
    greedy_valid: NDArray[np.bool_]
    highest: NDArray[np.float64]
    unresolved: NDArray[np.float64]

    @classmethod
    def exact(cls, log_prob: NDArray[np.float64], greedy_valid: NDArray[np.bool_]) -> Self:
        return cls(log_prob, greedy_valid, log_prob, np.zeros(len(log_prob)))

    @classmethod
    def join(cls, parts: Iterable[Self]) -> Self:
        """The records of all parts, one after the other."""
        return cls(*map(np.concatenate, zip(*(part._columns() for part in parts), strict=True)))

    @property
    def mass_bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Least and largest raw mass of all titles together, (T,) each: that of the resolved ones, and with all of what
        is unresolved. One less their ratio bounds the total variation from the exact normalised forecast."""
        resolved = self.highest == self.log_prob
        low = np.where(resolved, np.exp(self.log_prob), 0).sum(axis=1)
        return low, low + self.unresolved

    def records(self) -> Iterator[Self]:
        """Each record alone."""
        for at in range(len(self.unresolved)):
            yield type(self)(*(column[at : at + 1] for column in self._columns()))

    def resolving(self, title: NDArray[np.intp], log_prob: NDArray[np.float64]) -> Self:
        """With one title of each record known: its column, (T,), and its log-probability, (T,)."""
        at = (np.arange(len(title)), title)
        known = self.highest[at] == self.log_prob[at]
        columns = self.log_prob.copy(), self.highest.copy()
        for column in columns:
            column[at] = np.where(known, column[at], log_prob)
        left = np.where(known, self.unresolved, np.maximum(self.unresolved - np.exp(log_prob), 0))
        return replace(self, log_prob=columns[0], highest=columns[1], unresolved=left)

    def _columns(self) -> tuple[NDArray[Any], ...]:
        return self.log_prob, self.greedy_valid, self.highest, self.unresolved


def title_scores(branching: Branching) -> TitleScores:
    """What the nodes that have been run tell of the titles of their records."""
    trie = branching.trie
    resolved = branching.resolved
    highest = branching.along(trie.title_edges)  # of an unresolved title, this is the probability of its branch
    known = np.pad(branching.ran[:, trie.edge_row], ((0, 0), (0, 1)), constant_values=True)[:, trie.title_edges]
    first_unknown = trie.title_edges[np.arange(len(trie.title_edges)), known.argmin(axis=-1)]
    branch = trie.edge_row[first_unknown] + branching.ran.shape[1] * np.arange(len(known))[:, None]
    titles_below = np.bincount(branch[~resolved], minlength=branching.ran.size)[branch]
    log_prob = np.where(resolved, highest, highest - np.log(2 * np.maximum(titles_below, 1)))
    return TitleScores(log_prob, _greedy_valid(branching), highest, branching.open_mass.sum(axis=1))


def _greedy_valid(branching: Branching) -> NDArray[np.bool_]:
    return np.array([branching.follow_greedy(record) == LEAF for record in range(len(branching.prompts))])
