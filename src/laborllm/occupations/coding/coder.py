"""From a job title as people write it to an occupation, with a confidence, or to none where that is too low.

Two voices are added up: what the words of the title say (`Ranker`), and what lists say that hold the title in the same
words, or in the same but for words of rank ("senior") and what follows a dash ("- night shift").
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import TaxonomyError
from laborllm.occupations.coding.corrections import read_corrections
from laborllm.occupations.coding.listed import ListedTitles, load_titles
from laborllm.occupations.coding.ranker import BATCH, Ranker, Words
from laborllm.occupations.coding.spelling import Spelling
from laborllm.occupations.coding.words import names_no_job, without_place, without_rank, words
from laborllm.occupations.taxonomy import Taxonomy, load_taxonomy

THRESHOLD = 0.5  # below it a code is more often wrong than right

CORRECTION, SAME, LESS, SIMILAR, NO_JOB = "correction", "same words", "fewer words", "similar words", "no job"
SCHEMA = {"title": pl.String, "code": pl.String, "confidence": pl.Float64, "match": pl.String}

Evidence = Mapping[str, float]  # code -> nats that lists add to its log-probability


@dataclass(frozen=True)
class Weights:
    """How much each voice counts, and how the sum becomes a confidence: its log-odds times `slope` plus `intercept`.

    Fitted on titles that one list has and another was asked for, and on titles held out of all lists.

    words: weight of the ranker's log-probabilities. index, modern, decided: nats that a list adds to a code that it
    gives to the title, times the code's share of the list's lines.
    """

    words: float
    index: float = 0.0
    modern: float = 0.0
    decided: float = 0.0
    intercept: float = 0.0
    slope: float = 1.0


WEIGHTS = {
    SAME: Weights(words=0.57, index=0.8, modern=1.2, intercept=0.6, slope=0.5),
    LESS: Weights(words=0.57, index=0.8, modern=1.2, intercept=0.3, slope=0.5),
    SIMILAR: Weights(words=0.78, slope=0.66),
}
DECIDED = Weights(words=0.25, decided=9.0)


@dataclass(frozen=True)
class TitleCoder:
    """Codes titles into `taxonomy`.

    lists: the sorted words of each listed title -> for each of the three lists, code -> its share of the lines.
    corrections: the sorted words of a title -> the code that the user gives it; they overrule all else.
    """

    taxonomy: Taxonomy
    lists: Mapping[Words, Mapping[str, Evidence]]
    ranker: Ranker
    spelling: Spelling
    corrections: Mapping[Words, str] = field(default_factory=dict)

    @classmethod
    def learn(cls, taxonomy: Taxonomy, listed: ListedTitles) -> Self:
        """Learn from titles with known codes.

        Args:
            taxonomy: What the codes are of.
            listed: Titles of the three lists, each with its code.

        Returns:
            A coder without corrections.
        """
        lists: dict[Words, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(float)))
        examples = [
            *(("index", tuple(title.split()), code, lines) for title, code, lines in listed.index.rows()),
            *(("modern", tuple(title.split()), code, 1) for title, code in listed.modern.rows()),
            *(("decided", words(title), code, 1) for title, code in listed.decided),
        ]
        for name, title, code, lines in examples:
            lists[key(title)][name][code] += lines
        columns = taxonomy.columns(code for _, _, code, _ in examples)
        ranker = Ranker.fit([without_rank(title) for _, title, _, _ in examples], columns, len(taxonomy))
        spelling = Spelling.learn(title for _, title, _, _ in examples)
        return cls(taxonomy, {title: _shares(found) for title, found in lists.items()}, ranker, spelling)

    def with_corrections(self, corrections: Mapping[str, str]) -> Self:
        """The coder that gives these titles these codes before it searches anywhere else.

        Args:
            corrections: title -> code. Spelling, order and case of a title do not matter.

        Raises:
            TaxonomyError: a code is not in the taxonomy, or a title has no words.
        """
        for title, code in corrections.items():
            if code not in self.taxonomy.position:
                raise TaxonomyError(f"correction of {title!r}: {code!r} is no code of taxonomy {self.taxonomy.name}")
            if not words(title):
                raise TaxonomyError(f"correction of {title!r}: the title has no words")
        own = {key(words(title)): code for title, code in corrections.items()}
        return type(self)(self.taxonomy, self.lists, self.ranker, self.spelling, {**self.corrections, **own})

    def code(self, titles: Iterable[str | None], *, threshold: float = THRESHOLD) -> pl.DataFrame:
        """Code titles: one row per distinct title, in the order they come.

        Args:
            titles: Job titles as people write them; null is passed over.
            threshold: The confidence, 0 to 1, below which a title has no code.

        Returns:
            Columns title, code (null below the threshold), confidence (0 to 1) and match: how the code was found, which
            is a correction, same words as a listed title, fewer words (rank or place aside), similar words, or no job
            (a student, nothing written).

        Raises:
            TaxonomyError: A threshold that is not from 0 to 1.
        """
        if not 0 <= threshold <= 1:
            raise TaxonomyError(f"the threshold is {threshold}: it must be from 0 to 1")
        distinct = list(dict.fromkeys(title for title in titles if title is not None))
        rows = [
            (title, code if confidence >= threshold else None, confidence, match)
            for title, (code, confidence, match) in zip(distinct, self._best(distinct), strict=True)
        ]
        return pl.DataFrame(rows, schema=SCHEMA, orient="row")

    def candidates(self, title: str, count: int = 5) -> list[tuple[str, float]]:
        """The most probable codes of one title.

        Args:
            title: A job title as people write it.
            count: How many codes.

        Returns:
            Codes with their confidence, the surest first; none where the title names no job.
        """
        form, match = self._look_up(title)
        if match == NO_JOB:
            return []
        if match == CORRECTION:
            return [(self.corrections[form], 1.0)]
        (confidence,) = next(self._confidences([(form, match)]))
        best = np.argsort(-confidence, kind="stable")[:count]
        return [(self.taxonomy.codes[column], float(confidence[column])) for column in best]

    def _best(self, titles: Sequence[str]) -> list[tuple[str | None, float, str]]:
        found = [self._look_up(title) for title in titles]
        ranked = list(dict.fromkeys((form, match) for form, match in found if match not in (NO_JOB, CORRECTION)))
        best: dict[tuple[Words, str], tuple[str, float]] = {}
        for confidence, forms in zip(self._confidences(ranked), _batches(ranked), strict=True):
            first = confidence.argmax(axis=1)
            sure = confidence[np.arange(len(forms)), first].tolist()
            best |= zip(forms, zip((self.taxonomy.codes[column] for column in first), sure, strict=True), strict=True)
        return [self._answer(form, match, best) for form, match in found]

    def _answer(
        self, form: Words, match: str, best: Mapping[tuple[Words, str], tuple[str, float]]
    ) -> tuple[str | None, float, str]:
        if match == NO_JOB:
            return None, 0.0, match
        code, confidence = (self.corrections[form], 1.0) if match == CORRECTION else best[form, match]
        return code, confidence, match

    def _look_up(self, title: str) -> tuple[Words, str]:
        """The words that a title is coded by, and how they were found."""
        said = words(title)
        if key(said) in self.corrections:
            return key(said), CORRECTION
        if names_no_job(said):
            return said, NO_JOB
        place = without_place(title)
        said, shorter = (self.spelling.corrected(form) for form in (said, said if place == title else words(place)))
        for match, form in ((SAME, said), (LESS, without_rank(said)), (LESS, shorter), (LESS, without_rank(shorter))):
            if key(form) in self.lists:
                return form, match
        return without_rank(said), SIMILAR

    def _confidences(self, forms: Sequence[tuple[Words, str]]) -> Iterator[NDArray[np.float64]]:
        """Batches of rows, (b, J): how sure each code of each title is."""
        for batch, log_prob in zip(_batches(forms), self.ranker.log_prob([form for form, _ in forms]), strict=True):
            listed = [self.lists[key(form)] if match != SIMILAR else {} for form, match in batch]
            weights = [
                DECIDED if "decided" in lists else WEIGHTS[match]
                for lists, (_, match) in zip(listed, batch, strict=True)
            ]
            yield _confidence(self._scores(listed, weights, log_prob), weights)

    def _scores(
        self,
        listed: Sequence[Mapping[str, Evidence]],
        weights: Sequence[Weights],
        log_prob: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = log_prob * np.array([weight.words for weight in weights])[:, None]
        for row, (lists, weight) in enumerate(zip(listed, weights, strict=True)):
            for name, shares in lists.items():
                for code, share in shares.items():
                    scores[row, self.taxonomy.position[code]] += share * getattr(weight, name)
        return scores


def load_coder(corrections: Path | None = None) -> TitleCoder:
    """The coder of the shipped titles, into occ1990dd. Learning takes about a second: load it once.

    Args:
        corrections: a CSV file of titles and codes that come before all else.

    Raises:
        TaxonomyError: the file does not give each of its titles one code of the taxonomy.
    """
    taxonomy = load_taxonomy("occ1990dd")
    coder = TitleCoder.learn(taxonomy, load_titles().with_taxonomy(taxonomy))
    return coder if corrections is None else coder.with_corrections(read_corrections(corrections))


def key(title: Words) -> Words:
    """What titles of the same words, in whatever order, have in common."""
    return tuple(sorted(set(title)))


def _shares(lists: Mapping[str, Mapping[str, float]]) -> dict[str, Evidence]:
    return {name: {code: lines / sum(codes.values()) for code, lines in codes.items()} for name, codes in lists.items()}


def _batches(forms: Sequence[tuple[Words, str]]) -> Iterator[Sequence[tuple[Words, str]]]:
    yield from (forms[start : start + BATCH] for start in range(0, len(forms), BATCH))


def _confidence(scores: NDArray[np.float64], weights: Sequence[Weights]) -> NDArray[np.float64]:
    """From scores to how sure each code is, (b, J); rows add up to one.

    The most probable code is as sure as `Weights` make of its log-odds, and the others share the rest as before.
    """
    probability = np.exp(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))
    first = probability.argmax(axis=1)[:, None]
    best = np.clip(np.take_along_axis(probability, first, axis=1), 1e-9, 1 - 1e-9)
    intercept = np.array([weight.intercept for weight in weights])[:, None]
    slope = np.array([weight.slope for weight in weights])[:, None]
    sure = 1 / (1 + np.exp(-intercept - slope * (np.log(best) - np.log1p(-best))))
    confidence: NDArray[np.float64] = probability * (1 - sure) / (1 - best)
    np.put_along_axis(confidence, first, sure, axis=1)
    return confidence
