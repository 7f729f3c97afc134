"""Job titles with a slip of a letter, as people mistype them."""

from collections.abc import Iterable, Set
from random import Random
from string import ascii_lowercase

from laborllm.occupations.coding.accuracy import RightCodes

SHORTEST = 5  # letters of a word that is mistyped


def mistyped(titles: RightCodes, *, seed: int = 0) -> dict[str, RightCodes]:
    """Titles with one slip each: a letter after the first is missing, doubled, wrong or in its neighbour's place.

    Args:
        titles: Title to its right codes.
        seed: Draws the word, the letter and the slip.

    Returns:
        Of titles of `one word` and of `several words`: mistyped title to its right codes; where all words are short,
        it is left out.
    """
    random = Random(seed)
    one: dict[str, Set[str]] = {}
    several: dict[str, Set[str]] = {}
    for title, codes in sorted(titles.items()):
        said = title.split()
        places = [at for at, word in enumerate(said) if len(word) >= SHORTEST and word.isalpha()]
        if places:
            at = random.choice(places)
            slipped = " ".join((*said[:at], random.choice(sorted(slips(said[at]))), *said[at + 1 :]))
            (one if len(said) == 1 else several)[slipped] = codes
    return {"one word": one, "several words": several}


def slips(word: str) -> set[str]:
    """The words that are one slip away from one, its first letter kept.

    >>> sorted(slips("an"))[:5]
    ['a', 'aa', 'ab', 'ac', 'ad']
    """
    return set(_slips(word)) - {word}


def _slips(word: str) -> Iterable[str]:
    for at in range(1, len(word)):
        before, letter, after = word[:at], word[at], word[at + 1 :]
        yield before + after
        yield before + 2 * letter + after
        yield from (before + other + after for other in ascii_lowercase)
        if after:
            yield before + after[0] + letter + after[1:]
