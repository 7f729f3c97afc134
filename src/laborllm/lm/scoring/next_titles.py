"""The next title of texts that grow record by record: what was read of a text for the last record is not read again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.kernels.packed_attention import CachedText, PackedAttention
from laborllm.lm.scoring.scorer import DEFAULT, GIGABYTE, Scorer
from laborllm.lm.scoring.title_draws import Floats, draw_titles
from laborllm.lm.scoring.title_scores import TitleScores
from laborllm.lm.scoring.trie_expansion import Ints, TrieExpansion
from laborllm.lm.tokens.encoding import EncodedCareer, Tokens
from laborllm.lm.tokens.packing import packed
from laborllm.runtime import FORWARD_TOKENS

CONTINUED = 8
"""How many times the tokens of a pass of new texts the texts of a pass may have, what was read of them included."""


class NextTitles:
    """Scores, or draws, titles in the last record of texts, from the keys and values that the last call has left.

    A text is continued if the prompt of the record before its last was read by the last call; any other text, such as a
    window that has moved on, is read as a whole.
    """

    def __init__(self, scorer: Scorer, *, memory: float = 2.0) -> None:
        """memory: gigabytes of keys and values from one call to the next; texts beyond are read as a whole then."""
        self._scorer, self._memory = scorer, memory
        self._cached: dict[Tokens, CachedText] = {}

    @property
    def model(self) -> TextModel:
        """The text model."""
        return self._scorer.model

    @torch.inference_mode()
    def score(self, careers: Sequence[EncodedCareer]) -> TitleScores:
        """Score every title in the last record of each career, which is open.

        Args:
            careers: B careers, or windows of them, as tokens.

        Returns:
            The exact scores of B records.

        Raises:
            CapacityError: A career, with a title after it, is longer than the model's context.
        """
        found: list[TitleScores] = []
        for part in self._read(careers, keep=True):
            with self.model.decoder.precision():
                found.extend(self._scorer.expand(part.at_ends, part.whole, part.places, DEFAULT))
        return TitleScores.join(found)

    @torch.inference_mode()
    def draw(self, careers: Sequence[EncodedCareer], text: Ints, first: Ints, uniform: Floats) -> Ints:
        """Draw titles of the last records, exactly from the forecasts that `score` gives (see `title_draws`).

        Args:
            careers: B careers, or windows of them, as tokens; the last record of each is open.
            text: The career of each of n draws, (n,).
            first: Column of the title that is put first in the order of each draw, (n,); J for none.
            uniform: (n,) numbers from 0 to below 1.

        Returns:
            (n,) columns.

        Raises:
            CapacityError: A career, with a title after it, is longer than the model's context.
        """
        column, begin = np.empty(len(text), dtype=np.int64), 0
        for part in self._read(careers, keep=True):
            inside = (begin <= text) & (text < begin + len(part.texts))
            with self.model.decoder.precision():
                expansion = TrieExpansion(self.model.decoder, self._scorer.trie, part.at_ends, part.whole, part.places)
                column[inside] = draw_titles(expansion, text[inside] - begin, first[inside], uniform[inside])
            begin += len(part.texts)
        return column

    @torch.inference_mode()
    def score_endings(self, careers: Sequence[EncodedCareer], starts: Sequence[int]) -> Floats:
        """Score what texts end with, given what stands before it.

        Args:
            careers: B careers as tokens, the last record open. What is cached stays for the next call.
            starts: Where the ending of each begins: a token of its last record, after its year.

        Returns:
            The log-probability of each ending, (B,) nats.

        Raises:
            CapacityError: A career, with a title after it, is longer than the model's context.
        """
        found, places, decoder = np.empty(len(careers)), iter(range(len(careers))), self.model.decoder
        for part in self._read(careers, keep=False):
            for career, hidden in zip(part.texts, part.hidden.split(part.new), strict=True):
                at = next(places)
                ending = torch.tensor(career.tokens[starts[at] :], device=decoder.device)
                before = hidden[len(hidden) - len(ending) - 1 : -1]
                rows = torch.arange(len(ending), device=decoder.device)
                with decoder.precision():
                    found[at] = float(decoder.next_tokens(before, rows, ending)[0].sum())
        return found

    def _read(self, careers: Sequence[EncodedCareer], *, keep: bool) -> Iterator["TextsRead"]:
        """Read what is new of texts, some at a time; if `keep`, the next call finds what there is room for."""
        self.model.require_room(careers)
        before, decoder, left = self._cached, self.model.decoder, self._memory * GIGABYTE
        if keep:
            self._cached = {}

        def new(text: EncodedCareer) -> int:
            known = before.get(_prompt_before(text))
            return len(text.tokens) - (0 if known is None else known.end - known.start)

        def cost(text: EncodedCareer) -> int:
            return max(new(text), len(text.tokens) // CONTINUED)

        for pack in packed(careers, FORWARD_TOKENS[decoder.device.type], cost):
            with decoder.precision():
                hidden, whole = decoder.forward_continued(pack, [before.get(_prompt_before(text)) for text in pack])
            part = TextsRead(pack, [new(text) for text in pack], hidden, whole)
            left -= sum(whole.lengths) * whole.bytes_per_token
            if keep and left >= 0:
                self._cached |= {
                    text.tokens: CachedText(whole, *place) for text, place in zip(pack, part.places, strict=True)
                }
            yield part


@dataclass(frozen=True)
class TextsRead:
    """Texts that one pass has read.

    Attributes:
        texts: The b texts.
        new: How many tokens of each were read, the others being known.
        hidden: The last hidden states of these, (n, d).
        whole: The keys and values of the whole texts.
    """

    texts: list[EncodedCareer]
    new: list[int]
    hidden: Tensor
    whole: PackedAttention

    @property
    def at_ends(self) -> Tensor:
        """The last hidden states at the ends of the texts, (b, d)."""
        return self.hidden[np.cumsum(self.new) - 1]

    @property
    def places(self) -> list[tuple[int, int]]:
        """(start, end) of each text in the keys and values."""
        ends = np.cumsum(self.whole.lengths).tolist()
        return list(zip([0, *ends[:-1]], ends, strict=True))


def _prompt_before(career: EncodedCareer) -> Tokens:
    """The prompt of the record before the last; empty if there is none."""
    starts = [start for start, _ in career.places]
    return career.tokens[: starts[-2]] if len(starts) > 1 else ()
