"""The next title of texts that grow record by record, scored or drawn."""

from collections.abc import Sequence

import numpy as np
import torch

from laborllm.lm.forward.growing_texts import GrowingTexts
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.scoring.scorer import DEFAULT, Scorer
from laborllm.lm.scoring.title_draws import Floats, draw_titles
from laborllm.lm.scoring.title_scores import TitleScores
from laborllm.lm.scoring.trie_expansion import Ints, TrieExpansion
from laborllm.lm.tokens.encoding import EncodedCareer


class NextTitles:
    """Scores, or draws, titles in the last record of texts, from the keys and values that the last call has left."""

    def __init__(self, scorer: Scorer, *, memory: float = 2.0) -> None:
        """memory: gigabytes of keys and values from one call to the next; texts beyond are read as a whole then."""
        self._scorer, self._texts = scorer, GrowingTexts(scorer.model, memory=memory)

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
        for part in self._texts.read(careers):
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
        for part in self._texts.read(careers):
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
        for part in self._texts.read(careers, keep=False):
            for career, hidden in zip(part.texts, part.hidden.split(part.new), strict=True):
                at = next(places)
                ending = torch.tensor(career.tokens[starts[at] :], device=decoder.device)
                before = hidden[len(hidden) - len(ending) - 1 : -1]
                rows = torch.arange(len(ending), device=decoder.device)
                with decoder.precision():
                    found[at] = float(decoder.next_tokens(before, rows, ending)[0].sum())
        return found
