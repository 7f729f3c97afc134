"""Which occupation a title is most like: a logit over hashed words and parts of words, fitted ahead.

Naive Bayes (`ranker.py`) counts each word by itself. The logit has learnt which of them matter next to one another,
and the two err on different titles. `python -m benchmarks fit-coder` fits it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from itertools import pairwise
from typing import Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from laborllm.occupations.coding.ranker import BATCH, Matrix, Words

BUCKETS = 8192
LENGTHS = (3, 4, 5)  # letters of the parts of a word


@dataclass(frozen=True)
class Classifier:
    """Multinomial logit of low rank. The vector of a title is the sum of those of its n buckets, over the root of n.

    Attributes:
        vectors: The vector of each bucket, whole numbers, (B, R).
        slopes: What each number of a title's vector adds to the logit of each occupation, (R, J).
        intercepts: The logit of each occupation where the vector is zero, (J,).
    """

    vectors: NDArray[np.int8]
    slopes: NDArray[np.float32]
    intercepts: NDArray[np.float32]

    @classmethod
    def from_bytes(cls, file: bytes) -> Self:
        """Read the arrays of a NumPy archive."""
        found = np.load(BytesIO(file))
        return cls(found["vectors"], *(found[name].astype(np.float32) for name in ("slopes", "intercepts")))

    def log_prob(self, titles: Sequence[Words]) -> Iterator[Matrix]:
        """Batches of rows of log-probabilities, (BATCH, J) and fewer in the last; every title has a word."""
        for start in range(0, len(titles), BATCH):
            buckets = [buckets_of(title) for title in titles[start : start + BATCH]]
            count = np.array([len(of) for of in buckets])
            vectors = self.vectors[np.concatenate(buckets)].astype(np.float32)
            title_vectors = (
                np.add.reduceat(vectors, np.cumsum(count) - count) / np.sqrt(count, dtype=np.float32)[:, None]
            )
            logits = (title_vectors @ self.slopes + self.intercepts).astype(np.float64)
            yield logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def buckets_of(title: Words) -> list[int]:
    """The buckets of its words, pairs of neighbours, first and last word, and of all parts of words, each once."""
    around = [_bucket(f"^{word}") for word in title[:1]] + [_bucket(f"{word}$") for word in title[-1:]]
    pairs = [_bucket(f"{first} {second}") for first, second in pairwise(title)]
    return sorted({*around, *pairs, *(bucket for word in title for bucket in _buckets_of_word(word))})


@lru_cache(maxsize=100_000)  # titles are many, their words few
def _buckets_of_word(word: str) -> tuple[int, ...]:
    ended = f"<{word}>"
    parts = [ended[at : at + length] for length in LENGTHS for at in range(len(ended) - length + 1)]
    return tuple(_bucket(part) for part in (word, *parts))


def _bucket(feature: str) -> int:
    return crc32(feature.encode()) % BUCKETS
