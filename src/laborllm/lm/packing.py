"""Careers laid end to end, as many in one pass of a model as a limit of tokens allows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from laborllm.lm.encoding import EncodedCareer

Text = TypeVar("Text", bound=EncodedCareer)


def packs(lengths: Sequence[int], limit: int) -> Iterator[list[int]]:
    """Consecutive indexes whose lengths add up to at most `limit`, at least one a pack."""
    pack: list[int] = []
    total = 0
    for index, length in enumerate(lengths):
        if pack and total + length > limit:
            yield pack
            pack, total = [], 0
        pack.append(index)
        total += length
    if pack:
        yield pack


def packed(texts: Sequence[Text], limit: int) -> Iterator[list[Text]]:
    """Consecutive texts of at most `limit` tokens together, at least one a pack."""
    for pack in packs([len(text.tokens) for text in texts], limit):
        yield [texts[index] for index in pack]


@dataclass
class TrainingTexts(Generic[Text]):
    """What a task of training reads: the texts of each career together, in passes of at most `pack_tokens` tokens."""

    training: Sequence[Sequence[Text]]
    pack_tokens: int

    @property
    def lengths(self) -> list[int]:
        return [sum(len(text.tokens) for text in career) for career in self.training]

    def passes(self, batch: Sequence[int]) -> list[list[Text]]:
        return list(packed([text for index in batch for text in self.training[index]], self.pack_tokens))

    def halve_passes(self) -> bool:
        if self.pack_tokens <= min(len(text.tokens) for career in self.training for text in career):
            return False
        self.pack_tokens //= 2
        return True
