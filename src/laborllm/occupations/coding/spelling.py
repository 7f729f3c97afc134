"""Misspelt words of a title: the listed word that is one slip away."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from laborllm.occupations.coding.ranker import Words

# A word that no list has is more often a word of its own, or of another language, than a slip of a short or rare one;
# less is enough where it makes the title a listed one. Letters are those of the longer of the two words.
LONG = 8
FREQUENT = 8  # listed titles that have the word
ALONE, AMONG_OTHERS = 7, 5  # letters in a title that is listed, once put right, of one word and of several


@dataclass(frozen=True)
class Spelling:
    """The words of the lists, and what is left of each when a letter is missing.

    Attributes:
        counts: How many listed titles have each word.
        near: A word, or a word less one letter -> the listed words it may be.
    """

    counts: Counter[str]
    near: dict[str, list[str]]

    @classmethod
    def learn(cls, titles: Iterable[Words]) -> "Spelling":
        """Learn the words of listed titles, the frequent first."""
        counts = Counter(word for title in titles for word in title)
        near: dict[str, list[str]] = defaultdict(list)
        for word, _ in counts.most_common():
            for form in _forms(word) if len(word) >= AMONG_OTHERS - 1 else ():
                near[form].append(word)
        return cls(counts, dict(near))

    def corrected(self, title: Words, is_listed: Callable[[Words], bool]) -> Words:
        """The title without its slips.

        A slip is a letter that is missing, doubled, wrong, or in its neighbour's place (Damerau 1964).
        An unlisted word is the most frequent word one slip away that makes the title a listed one ("truck drver"), or
        else the most frequent at all, if there is one of many letters that many titles have.

        Args:
            title: The words of a title.
            is_listed: Whether a list has a title of such words.

        Returns:
            As many words.
        """
        new = [at for at, word in enumerate(title) if self.is_new(word)]
        if len(new) == 1:
            (at,) = new
            near = self._near(title[at], AMONG_OTHERS if len(title) > 1 else ALONE)
            wholes = ((*title[:at], word, *title[at + 1 :]) for word in near)
            found = next(filter(is_listed, wholes), None)
            if found is not None:
                return found
        return tuple(self._frequent(word) if at in new else word for at, word in enumerate(title))

    def is_new(self, word: str) -> bool:
        """Whether no list has a word, which is made of letters."""
        return word not in self.counts and word.isalpha()

    def _frequent(self, word: str) -> str:
        return next((other for other in self._near(word, LONG) if self.counts[other] >= FREQUENT), word)

    def _near(self, word: str, letters: int) -> list[str]:
        """The listed words one slip away, the most frequent first, if one of the two has that many letters."""
        found = {other for form in _forms(word) for other in self.near.get(form, ())}
        alike = [other for other in found if other[0] == word[0] and max(len(word), len(other)) >= letters]
        near = [other for other in alike if _one_slip(word, other)]
        return sorted(near, key=lambda other: (self.counts[other], other), reverse=True)


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
