"""What every way of scoring is given: one career, the records of it that are scored, the titles that are compared."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from benchmarks.careers import long_careers
from laborllm.errors import OptionError
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer, Tokens
from laborllm.text import Template, render

Floats = NDArray[np.float64]
Columns = NDArray[np.intp]


@dataclass(frozen=True)
class ScoringTask:
    """T records of one career, and k of the J titles for each.

    whole: the career with all its records. career: the same up to the last record scored, and these T records only.
    titles: the tokens of all titles. compared: (T, k) columns of titles, the observed one first.
    """

    encoder: CareerEncoder
    whole: EncodedCareer
    career: EncodedCareer
    compared: Columns

    @property
    def titles(self) -> tuple[Tokens, ...]:
        return self.encoder.title_tokens

    @property
    def prompts(self) -> list[Tokens]:
        """The tokens before each of the T titles."""
        return [self.career.tokens[:start] for start in self.career.starts]

    @property
    def pairs(self) -> list[tuple[Tokens, Tokens]]:
        """Prompt and title of the T x k that are compared."""
        return [
            (prompt, self.titles[column])
            for prompt, columns in zip(self.prompts, self.compared, strict=True)
            for column in columns
        ]

    @property
    def rows(self) -> list[int]:
        """(T,) the places of the records that are scored among all of the career."""
        return [self.whole.starts.index(start) for start in self.career.starts]

    @property
    def worth_of_compared(self) -> float:
        """How many records with all their titles the pairs that are compared are worth."""
        return self.compared.size / len(self.titles)

    def at_compared(self, log_prob: Floats) -> Floats:
        """(T, k) of (T, J)."""
        return np.take_along_axis(log_prob, self.compared, axis=1)


def draw_task(tokenizer: PreTrainedTokenizerFast, *, records: int, titles: int, seed: int) -> ScoringTask:
    """A career of 25 records, of which `records` are scored, evenly apart, and `titles` for each drawn to compare."""
    panel = long_careers(1, seed=seed)
    if not 1 <= records <= len(panel):
        raise OptionError(f"a career has {len(panel)} records: cannot score {records} of them")
    if not 1 <= titles <= len(panel.taxonomy):
        raise OptionError(f"there are {len(panel.taxonomy)} titles: cannot compare {titles} of them")
    encoder = CareerEncoder(tokenizer, Template(), panel.taxonomy)
    (whole,) = encoder.encode(render(panel, encoder.template))
    places = [(2 * at + 1) * len(panel) // (2 * records) for at in range(records)]
    starts, ends = (tuple(all_places[at] for at in places) for all_places in (whole.starts, whole.ends))
    career = EncodedCareer(whole.worker, whole.tokens[: ends[-1]], starts, ends)
    generator = np.random.default_rng(seed)
    drawn = [_titles(encoder, whole.tokens[s:e], titles, generator) for s, e in zip(starts, ends, strict=True)]
    return ScoringTask(encoder, whole, career, np.array(drawn))


def _titles(encoder: CareerEncoder, observed: Tokens, titles: int, generator: np.random.Generator) -> list[int]:
    """Columns of the observed title and of others, none twice."""
    column = encoder.title_tokens.index(observed)
    others = [other for other in generator.permutation(len(encoder.title_tokens)).tolist() if other != column]
    return [column, *others[: titles - 1]]
