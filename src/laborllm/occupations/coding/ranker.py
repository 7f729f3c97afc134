"""Which occupation a title that no index lists is most like: naive Bayes over words and parts of words.

Counts are all there is to learn, so a ranker is ready in a second and nothing has to be shipped but titles. The weights
of a feature are those of the few occupations it occurs in (a sparse row each), and a million titles take minutes.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

ALPHA = 0.01  # pseudo-count of every feature in every occupation
PRIOR = 0.5  # weight of an occupation's share of the listed titles, which is not its share of workers
BATCH = 2048  # titles scored at a time: (BATCH, J) doubles are 5 MB

Words = tuple[str, ...]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Ranker:
    """Multinomial naive Bayes with additive smoothing, on TF-IDF rows of unit length.

    With T[f, j] the TF-IDF mass of feature f in the titles of occupation j and V features, the log-probability of f is
    log(T[f, j] + alpha) - log(sum_f T[f, j] + alpha V): the first part is log(alpha) wherever f does not occur in j.

    Attributes:
        features: Feature -> row.
        weight: Inverse document frequency per row (V,), and of a feature never seen last.
        starts: Where the cells of each row begin, (V + 1,).
        columns: Occupation of each cell, j.
        gains: log(T / alpha + 1) of each cell.
        base: `PRIOR` times the log-share of each occupation's titles, (J,).
        length: Log of its smoothed total mass over alpha, (J,).
    """

    features: dict[str, int]
    weight: Matrix
    starts: NDArray[np.intp]
    columns: NDArray[np.intp]
    gains: Matrix
    base: Matrix
    length: Matrix

    @classmethod
    def fit(cls, titles: Sequence[Words], columns: NDArray[np.intp], counts: Matrix, classes: int) -> "Ranker":
        """Learn from titles whose occupation is known.

        Args:
            titles: The words of each of n titles.
            columns: The column of its occupation, 0 to `classes` - 1, (n,).
            counts: What each title's mass is multiplied by, (n,); the inverse document frequency counts it once.
            classes: How many occupations there are, J.

        Returns:
            The fitted naive Bayes model.
        """
        found = [features_of(title) for title in titles]
        occurs = Counter(chain.from_iterable(found))
        features = {feature: row for row, feature in enumerate(occurs)}
        seen = np.array([*occurs.values(), 0], dtype=float)
        weight = np.log((1 + len(titles)) / (1 + seen)) + 1
        owner, row, value = _unit_rows(found, features, weight)
        cell, where = np.unique(row * classes + columns[owner], return_inverse=True)
        mass = np.bincount(where, value * counts[owner])
        known = cell < len(features) * classes
        total = np.bincount(cell[known] % classes, mass[known], minlength=classes)
        share = np.bincount(columns, counts, minlength=classes) / counts.sum()
        return cls(
            features,
            weight,
            np.searchsorted(cell, np.arange(len(features) + 2) * classes),
            cell % classes,
            np.log(mass / ALPHA + 1),
            PRIOR * np.log(np.maximum(share, 1 / (2 * len(titles)))),
            np.log(total / ALPHA + len(features)),
        )

    def log_prob(self, titles: Sequence[Words]) -> Iterator[Matrix]:
        """Batches of rows of log-probabilities, (BATCH, J) and fewer in the last, in the order of `titles`."""
        for start in range(0, len(titles), BATCH):
            found = [features_of(title) for title in titles[start : start + BATCH]]
            scores = self._scores(*_unit_rows(found, self.features, self.weight), len(found))
            yield scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)

    def _scores(self, owner: NDArray[np.intp], row: NDArray[np.intp], value: Matrix, titles: int) -> Matrix:
        classes = len(self.base)
        first, count = self.starts[row], self.starts[row + 1] - self.starts[row]
        of = np.repeat(np.arange(len(row)), count)
        cell_of = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count) + first[of]
        cell = owner[of] * classes + self.columns[cell_of]
        gains = np.bincount(cell, value[of] * self.gains[cell_of], minlength=titles * classes)
        seen = row < len(self.features)
        evidence = np.bincount(owner[seen], value[seen], minlength=titles)
        scores: Matrix = gains.reshape(titles, classes) + self.base - evidence[:, None] * self.length
        return scores


def features_of(title: Words) -> list[str]:
    """The words of a title, pairs of neighbours, the beginnings and ending of each word, the last word and its ending.

    The last word says what is done ("nurse" in "head nurse"); beginnings and endings meet inflections and misspellings.
    """
    pairs = [f"{first} {second}" for first, second in pairwise(title)]
    around = [f"{title[0]} - {title[-1]}"] if len(title) > 2 else []
    beginnings = chain.from_iterable(map(_beginnings, title))
    endings = map(_ending, title)
    last = [f"{word}." for word in title[-1:]] + [f"{_ending(word)}." for word in title[-1:]]
    return list(dict.fromkeys([*title, *pairs, *around, *beginnings, *endings, *last]))


@lru_cache(maxsize=100_000)  # titles are many, their words few
def _beginnings(word: str) -> tuple[str, str]:
    return f"{word[:4]}-", f"{word[:6]}-"


@lru_cache(maxsize=100_000)
def _ending(word: str) -> str:
    return f"-{word[-4:]}"


def _unit_rows(
    found: Sequence[list[str]], features: dict[str, int], weight: Matrix
) -> tuple[NDArray[np.intp], NDArray[np.intp], Matrix]:
    """Owner (which title), row (which feature) and TF-IDF value of every feature found, rows of length one.

    A feature never seen has the row after the last: it adds to the length, so it takes weight from the known ones.
    """
    owner = np.repeat(np.arange(len(found)), [len(of) for of in found])
    row = np.array([features.get(feature, len(features)) for feature in chain.from_iterable(found)], dtype=np.intp)
    value = weight[row]
    length = np.sqrt(np.bincount(owner, value**2, minlength=len(found)))
    return owner, row, value / length[owner]
