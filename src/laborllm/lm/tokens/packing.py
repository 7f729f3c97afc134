"""Packing: careers in one row without padding, as many in one pass as a limit of tokens allows (varlen)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from laborllm.lm.tokens.encoding import EncodedCareer

Text = TypeVar("Text", bound=EncodedCareer)


def packed(
    texts: Iterable[Text], limit: int, size: Callable[[Text], int] = lambda text: len(text.tokens)
) -> Iterator[list[Text]]:
    """Consecutive texts of at most `limit` tokens together, or what `size` counts of them; at least one a pack.

    Args:
        texts: Texts in order.
        limit: Tokens of a pack at most, or what `size` counts; a single text may have more.
        size: What counts; default: the tokens of a text.
    """
    pack: list[Text] = []
    total = 0
    for text in texts:
        if pack and total + size(text) > limit:
            yield pack
            pack, total = [], 0
        pack.append(text)
        total += size(text)
    if pack:
        yield pack


@dataclass
class TrainingTexts(Generic[Text]):
    """The training data of a task: the texts of each career together, in passes of at most `pack_tokens` tokens."""

    training: Sequence[Sequence[Text]]
    pack_tokens: int

    @property
    def lengths(self) -> list[int]:
        """How many tokens each career has."""
        return [sum(len(text.tokens) for text in career) for career in self.training]

    def passes(self, batch: Sequence[int]) -> list[list[Text]]:
        """The texts of a batch of careers, in passes of at most `pack_tokens` tokens."""
        return list(packed((text for index in batch for text in self.training[index]), self.pack_tokens))

    def halve_passes(self) -> bool:
        """Halve `pack_tokens`, where memory does not hold a pass; False where a pass is one text already."""
        if self.pack_tokens <= min(len(text.tokens) for career in self.training for text in career):
            return False
        self.pack_tokens //= 2
        return True
