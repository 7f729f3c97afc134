"""Texts that grow record by record: what was read of a text for the last record is not read again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.kernels.packed_attention import CachedText, PackedAttention
from laborllm.lm.tokens.encoding import EncodedCareer, Tokens
from laborllm.lm.tokens.packing import packed
from laborllm.runtime import FORWARD_TOKENS

GIGABYTE = 1e9
CONTINUED = 8
"""How many times the tokens of a pass of new texts the texts of a pass may have, what was read of them included."""


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


class GrowingTexts:
    """Reads texts, from the keys and values that the last call has left.

    A text is continued if the prompt of the record before its last was read by the last call; any other text, such as a
    window that has moved on, is read as a whole.

    Attributes:
        model: The text model.
    """

    def __init__(self, model: TextModel, *, memory: float = 2.0) -> None:
        """Hold up to `memory` gigabytes of keys and values between calls; texts beyond are read as a whole."""
        self.model, self._memory = model, memory
        self._cached: dict[Tokens, CachedText] = {}

    def read(self, careers: Sequence[EncodedCareer], *, keep: bool = True) -> Iterator[TextsRead]:
        """Read what is new of texts, some at a time.

        Args:
            careers: B careers, or windows of them, as tokens; the last record of each is open.
            keep: Whether the next call finds these texts, as far as there is room, instead of those of the last.

        Yields:
            The texts of each pass.

        Raises:
            CapacityError: A career, with a title after it, is longer than the model's context.
        """
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


def _prompt_before(career: EncodedCareer) -> Tokens:
    """The prompt of the record before the last; empty if there is none."""
    starts = [start for start, _ in career.places]
    return career.tokens[: starts[-2]] if len(starts) > 1 else ()
