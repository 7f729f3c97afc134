"""Misspelt words of a title: the listed word that is one slip away."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from laborllm.occupations.coding.ranker import Words

# A word that no list has is more often a word of its own, or of another language, than a slip of a short or rare one.
LONG = 8  # letters, of the longer of the two words
FREQUENT = 8  # listed titles that have the word


@dataclass(frozen=True)
class Spelling:
    """The words of the lists, and what is left of each when a letter is missing.

    counts: how many listed titles have the word. near: a word, or a word less one letter -> the listed words it may be.
    """

    counts: Counter[str]
    near: dict[str, list[str]]

    @classmethod
    def learn(cls, titles: Iterable[Words]) -> "Spelling":
        """Learn the words of listed titles, the frequent first."""
        counts = Counter(word for title in titles for word in title)
        near: dict[str, list[str]] = defaultdict(list)
        for word, count in counts.most_common():
            for form in _forms(word) if count >= FREQUENT and len(word) >= LONG - 1 else ():
                near[form].append(word)
        return cls(counts, dict(near))

    def corrected(self, title: Words) -> Words:
        """The title with each unlisted word replaced by the most frequent one that is one slip away, if there is one of
        many letters that many titles have.

        A slip is a letter that is missing, doubled, wrong, or in its neighbour's place (Damerau 1964).
        """
        return tuple(self._corrected(word) for word in title)

    def is_new(self, word: str) -> bool:
        """Whether no list has a word, which is made of letters."""
        return word not in self.counts and word.isalpha()

    def _corrected(self, word: str) -> str:
        if not self.is_new(word):
            return word
        found = {other for form in _forms(word) for other in self.near.get(form, ())}
        alike = [other for other in found if other[0] == word[0] and max(len(word), len(other)) >= LONG]
        near = [other for other in alike if _one_slip(word, other)]
        return max(near, key=lambda other: (self.counts[other], other), default=word)


def _forms(word: str) -> Iterator[str]:
    yield word
    yield from (word[:at] + word[at + 1 :] for at in range(len(word)))


def _one_slip(word: str, other: str) -> bool:
    """Whether one letter is added, left out, replaced or swapped with the next."""
    if len(word) != len(other):
        longer, shorter = sorted((word, other), key=len, reverse=True)
        return len(longer) == len(shorter) + 1 and shorter in set(_forms(longer))
    differ = [at for at, pair in enumerate(zip(word, other, strict=True)) if pair[0] != pair[1]]
    if len(differ) == 2 and differ[1] == differ[0] + 1:
        first, second = differ
        return word[first] == other[second] and word[second] == other[first]
    return len(differ) == 1
