"""From a job title as people write it to an occupation, with a confidence, or to none where that is too low.

Three steps, the surest first: the same words as a listed title; the same but for words of rank ("senior") or what
follows a dash ("- night shift"); the most alike by `Ranker`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import TaxonomyError
from laborllm.occupations.coding.listed import ListedTitles, load_titles
from laborllm.occupations.coding.ranker import Ranker, Words
from laborllm.occupations.coding.words import names_no_job, without_place, without_rank, words
from laborllm.occupations.taxonomy import Taxonomy, load_taxonomy

THRESHOLD = 0.5  # below it a code is more often wrong than right
CALIBRATION = (-0.29, 0.60)
"""Intercept and slope that turn the log-odds of `Ranker` into those of being right; `measure_accuracy` checks them."""

SAME, LESS, SIMILAR, NO_JOB = "same words", "fewer words", "similar words", "no job"
SCHEMA = {"title": pl.String, "code": pl.String, "confidence": pl.Float64, "match": pl.String}

Confidences = Mapping[str, float]  # code -> how sure


@dataclass(frozen=True)
class TitleCoder:
    """Codes titles into `taxonomy`.

    known: the sorted words of each listed title -> its codes, and how sure each is; they add up to one.
    """

    taxonomy: Taxonomy
    known: Mapping[Words, Confidences]
    ranker: Ranker

    @classmethod
    def learn(cls, taxonomy: Taxonomy, listed: ListedTitles) -> Self:
        """Learn from titles with known codes. The taxonomy's own titles and the later ones overrule the index."""
        decided = {words(title): code for title, code in listed.later.items()}
        decided |= {words(title): code for code, title in zip(taxonomy.codes, taxonomy.titles, strict=True)}
        titles = [tuple(title.split()) for title in listed.index["title"]]
        examples = [*zip(titles, listed.index["code"], strict=True), *decided.items()]
        columns = taxonomy.columns(code for _, code in examples)
        ranker = Ranker.fit([without_rank(title) for title, _ in examples], columns, len(taxonomy))
        lines: dict[Words, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for title, code, count in zip(titles, listed.index["code"], listed.index["lines"], strict=True):
            lines[key(title)][code] += count
        known = _weigh(lines, ranker, taxonomy)
        return cls(taxonomy, known | {key(title): {code: 1.0} for title, code in decided.items()}, ranker)

    def code(self, titles: Iterable[str | None], *, threshold: float = THRESHOLD) -> pl.DataFrame:
        """One row per distinct title, in the order they come: title, code, confidence (0 to 1) and match.

        code is null where the confidence is below `threshold`. match says how the code was found: same words as a
        listed title, fewer words (rank or place aside), similar words, or no job (a student, nothing written).
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
        """The `count` likeliest codes of one title, each with its confidence, the likeliest first; none for no job."""
        found, match = self._look_up(title)
        if match == SIMILAR:
            (log_prob,) = next(self.ranker.log_prob([without_rank(words(title))]))
            found = dict(zip(self.taxonomy.codes, _calibrated(log_prob).tolist(), strict=True))
        return sorted(found.items(), key=lambda pair: -pair[1])[:count]

    def _best(self, titles: Sequence[str]) -> list[tuple[str | None, float, str]]:
        best: list[tuple[str | None, float, str]] = []
        unlisted: dict[Words, list[int]] = defaultdict(list)
        for place, title in enumerate(titles):
            found, match = self._look_up(title)
            code = max(found, key=lambda code: found[code], default=None)
            best.append((code, found[code] if code else 0.0, match))
            if match == SIMILAR:
                unlisted[without_rank(words(title))].append(place)
        for places, (code, confidence) in zip(unlisted.values(), self._rank(list(unlisted)), strict=True):
            for place in places:
                best[place] = (code, confidence, SIMILAR)
        return best

    def _look_up(self, title: str) -> tuple[Confidences, str]:
        """The codes of a listed title and how it was found; no codes, and `SIMILAR`, for one that has to be ranked."""
        said = words(title)
        if names_no_job(said):
            return {}, NO_JOB
        place = without_place(title)
        shorter = said if place == title else words(place)
        for match, form in ((SAME, said), (LESS, without_rank(said)), (LESS, shorter), (LESS, without_rank(shorter))):
            if found := self.known.get(key(form)):
                return found, match
        return {}, SIMILAR

    def _rank(self, titles: Sequence[Words]) -> Iterator[tuple[str, float]]:
        for log_prob in self.ranker.log_prob(titles):
            best = log_prob.argmax(axis=1)
            confidence = _calibrated(log_prob[np.arange(len(best)), best])
            yield from zip((self.taxonomy.codes[column] for column in best), confidence.tolist(), strict=True)


def load_coder() -> TitleCoder:
    """The coder of the shipped titles, into occ1990dd. Learning takes about two seconds: load it once."""
    return TitleCoder.learn(load_taxonomy("occ1990dd"), load_titles())


def key(title: Words) -> Words:
    """What titles of the same words, in whatever order, have in common."""
    return tuple(sorted(set(title)))


def _weigh(lines: Mapping[Words, Mapping[str, int]], ranker: Ranker, taxonomy: Taxonomy) -> dict[Words, Confidences]:
    """How sure each code of a listed title is: its share of the index's lines, times what its words say of it."""
    several = [title for title, counts in lines.items() if len(counts) > 1]
    log_prob = dict(zip(several, _rows(ranker, several), strict=True))
    known: dict[Words, Confidences] = {}
    for title, counts in lines.items():
        weights = dict.fromkeys(counts, 1.0)
        if title in log_prob:
            column = taxonomy.position
            weights = {c: n * float(np.exp(CALIBRATION[1] * log_prob[title][column[c]])) for c, n in counts.items()}
        known[title] = {code: weight / sum(weights.values()) for code, weight in weights.items()}
    return known


def _rows(ranker: Ranker, titles: Sequence[Words]) -> Iterator[NDArray[np.float64]]:
    for batch in ranker.log_prob(titles):
        yield from batch


def _calibrated(log_prob: NDArray[np.float64]) -> NDArray[np.float64]:
    intercept, slope = CALIBRATION
    odds = log_prob - np.log(-np.expm1(np.minimum(log_prob, -1e-12)))
    confidence: NDArray[np.float64] = 1 / (1 + np.exp(-intercept - slope * odds))
    return confidence
