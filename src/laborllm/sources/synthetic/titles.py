"""What titles tell: which occupations are alike, and what they lean to, so that their words carry meaning."""

import re
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from laborllm.occupations import Taxonomy

Floats = NDArray[np.floating]

EMPTY = frozenset({"and", "elsewhere", "except", "for", "in", "not", "of", "or", "other", "related", "the", "to"})


def similarity(taxonomy: Taxonomy, same_group: float, same_words: float) -> Floats:
    """How close occupations are to each other.

    Args:
        taxonomy: The J occupations.
        same_group: What a shared group adds.
        same_words: What shared words add, times the share of words that two titles have in common (Jaccard).

    Returns:
        (J, J) float32, symmetric.
    """
    groups = np.array(taxonomy.groups)
    words = [_words(title) for title in taxonomy.titles]
    vocabulary = {word: column for column, word in enumerate(sorted(set().union(*words)))}
    holds = np.zeros((len(words), len(vocabulary)), np.float32)
    for row, of_title in enumerate(words):
        holds[row, [vocabulary[word] for word in of_title]] = 1
    common = holds @ holds.T
    size = holds.sum(axis=1)
    jaccard = common / np.maximum(size[:, None] + size - common, 1)
    return np.asarray(same_group * (groups[:, None] == groups) + same_words * jaccard, np.float32)


def draw_leanings(taxonomy: Taxonomy, names: Sequence[str], seed: int) -> dict[str, Floats]:
    """Standard normal numbers for the occupations of a taxonomy, alike where titles are.

    A third of the variance each comes with the group, the words of the title and the whole title; the same text has the
    same numbers in every taxonomy.

    Args:
        taxonomy: The J occupations.
        names: What an occupation has a number for.
        seed: Decides the numbers of each text.

    Returns:
        Name -> (J,) float32.
    """
    rows = []
    for group, title in zip(taxonomy.groups, taxonomy.titles, strict=True):
        words = sorted(_words(title)) or [title]
        of_words = sum(_normal(seed, "word", word, len(names)) for word in words) / np.sqrt(len(words))
        of_others = _normal(seed, "group", group, len(names)) + _normal(seed, "title", title, len(names))
        rows.append((of_words + of_others) / np.sqrt(3))
    return dict(zip(names, np.array(rows, np.float32).T, strict=True))


def _normal(seed: int, kind: str, text: str, size: int) -> Floats:
    """Standard normal numbers, (size,), that belong to a text."""
    return np.random.default_rng(zlib.crc32(f"{seed}:{kind}:{text}".encode())).standard_normal(size)


def _words(title: str) -> set[str]:
    """The words that carry meaning, without case, number and the plural's s."""
    return {word.removesuffix("s") for word in re.findall(r"[^\W\d_]+", title.casefold()) if word not in EMPTY}
