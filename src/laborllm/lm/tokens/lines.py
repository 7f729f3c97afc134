"""Lines of careers whose tokens are known: millions of careers are written in few different lines, so most careers are
put together from lines that were tokenised in earlier ones.

That is exact where a tokenizer treats a line the same wherever it stands. A token over the end of a line would have to
be in the vocabulary, which is searched for one; what looks ahead sees the next letter, which is part of a line's key;
and every career with a new line is tokenised whole and compared with the lines that are known.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from transformers import PreTrainedTokenizerFast

KNOWN = 2**18  # lines at most
OVER_THE_END = re.compile("[\nĊ][^\nĊčĉĠ▁\\s]")  # a newline and what may begin a line, as vocabularies write them

Place = tuple[int, int]


class Line(NamedTuple):
    """A line of a text, its newline included.

    Attributes:
        text: Its letters.
        title: Where its title starts and ends; none: a line without a title.
        is_first: Whether it starts the text.
        next_letter: With which the next line starts; "" where it is the last.
    """

    text: str
    title: Place | None
    is_first: bool
    next_letter: str


class TokenisedLine(NamedTuple):
    """The tokens of a line.

    Attributes:
        tokens: Of the line, the newline included.
        title: Where the tokens of its title start and end, the newline's included.
    """

    tokens: tuple[int, ...]
    title: Place | None


def lines_of(text: str, places: Iterable[Place]) -> list[Line]:
    """The lines of a text.

    Args:
        text: A career.
        places: Start and end of each title in it, in order; each is the end of a line.
    """
    left = iter(places)
    place = next(left, None)
    lines, start = [], 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        title = None
        if place is not None and place[0] < end:
            title, place = (place[0] - start, place[1] - start), next(left, None)
        lines.append(Line(text[start:end], title, start == 0, text[end : end + 1]))
        start = end
    return lines


@dataclass
class KnownLines:
    """The tokens of lines seen before.

    Attributes:
        is_exact: Whether the tokens of a line are the same in every career, as far as has been seen.
    """

    is_exact: bool
    _known: dict[Line, TokenisedLine] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerFast) -> "KnownLines":
        """None yet; no line will be known of a tokenizer that has a token over the end of a line."""
        return cls(not any(map(OVER_THE_END.search, tokenizer.get_vocab())))

    def join(self, lines: Sequence[Line]) -> tuple[tuple[int, ...], list[Place]] | None:
        """The tokens of a text, and where its titles are in them; none where a line is not known."""
        tokens: list[int] = []
        places = []
        for line in lines:
            known = self._known.get(line)
            if known is None:
                return None
            if known.title is not None:
                places.append((len(tokens) + known.title[0], len(tokens) + known.title[1]))
            tokens += known.tokens
        return tuple(tokens), places

    def learn(
        self, lines: Sequence[Line], tokens: tuple[int, ...], ends: Sequence[int], places: Sequence[Place]
    ) -> None:
        """Keep the lines of a text that was tokenised whole, or give up where one of them has other tokens than before.

        Args:
            lines: Of the text, in order.
            tokens: Of the text, N.
            ends: Where each token ends in the text, N.
            places: Where the tokens of each title start and end.
        """
        if not self.is_exact:
            return
        left = iter(places)
        first, end = 0, 0
        for line in lines:
            end += len(line.text)
            last = first
            while last < len(tokens) and (ends[last] <= end or not line.next_letter):
                last += 1
            title = next(left) if line.title is not None else None
            found = TokenisedLine(tokens[first:last], title and (title[0] - first, title[1] - first))
            if self._known.get(line, found) != found:
                self.is_exact = False
                self._known.clear()
                return
            if len(self._known) < KNOWN:
                self._known[line] = found
            first = last
