"""The next title of texts that grow record by record: what was read of a text for the last record is not read again."""

from collections.abc import Sequence

import numpy as np
import torch

from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.kernels.packed_attention import CachedText
from laborllm.lm.scoring.scorer import DEFAULT, GIGABYTE, Scorer
from laborllm.lm.scoring.title_scores import TitleScores
from laborllm.lm.tokens.encoding import EncodedCareer, Tokens
from laborllm.lm.tokens.packing import packed
from laborllm.runtime import FORWARD_TOKENS


class NextTitles:
    """Scores every title in the last record of texts, from the keys and values of the texts scored by the last call.

    A text is continued if the prompt of the record before its last was scored by the last call; any other text, such as
    a window that has moved on, is read as a whole.
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
        self.model.require_room(careers)
        before, self._cached = self._cached, {}
        decoder, found, left = self.model.decoder, list[TitleScores](), self._memory * GIGABYTE
        for pack in packed(careers, FORWARD_TOKENS[decoder.device.type]):
            with decoder.precision():
                past = [before.get(_prompt_before(career)) for career in pack]
                hidden, whole = decoder.forward_continued(pack, past)
                ends = np.cumsum(whole.lengths).tolist()
                places = list(zip([0, *ends[:-1]], ends, strict=True))
                found.extend(self._scorer.expand(hidden, whole, places, DEFAULT))
            left -= ends[-1] * whole.bytes_per_token
            if left >= 0:
                self._cached |= {
                    career.tokens: CachedText(whole, *place) for career, place in zip(pack, places, strict=True)
                }
        return TitleScores.join(found)


def _prompt_before(career: EncodedCareer) -> Tokens:
    """The prompt of the record before the last; empty if there is none."""
    starts = [start for start, _ in career.places]
    return career.tokens[: starts[-2]] if len(starts) > 1 else ()
