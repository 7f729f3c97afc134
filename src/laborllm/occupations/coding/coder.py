"""From a job title as people write it to an occupation, with a confidence, or to none where that is too low.

The voices of a pool are added up (`weights.py`): what the words of the title say (`Ranker`, `Classifier`), and what
lists say that hold the title in the same words, or in the same but for words of rank ("senior") and what follows a dash
("- night shift").
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import TaxonomyError
from laborllm.occupations.coding.classifier import Classifier
from laborllm.occupations.coding.corrections import read_corrections
from laborllm.occupations.coding.listed import ListedTitles, load_titles
from laborllm.occupations.coding.ranker import BATCH, Ranker, Words
from laborllm.occupations.coding.spelling import Spelling
from laborllm.occupations.coding.weights import VOICES, Weights, confidence_of, load_weights, pooled
from laborllm.occupations.coding.words import (
    ends_foreign,
    has_foreign_letter,
    is_abbreviated,
    is_foreign,
    names_no_job,
    without_place,
    without_rank,
    words,
)
from laborllm.occupations.crosswalk import DATA
from laborllm.occupations.taxonomy import Taxonomy, load_taxonomy

THRESHOLD = 0.5  # below it a code is more often wrong than right

CORRECTION, SAME, LESS = "correction", "same words", "fewer words"
SIMILAR, ABBREVIATED = UNLISTED = "similar words", "abbreviated words"
NO_JOB, FOREIGN = "no job", "other language"
WITHOUT_CODE = (NO_JOB, FOREIGN)
TRUST = ("decided", "modern", "onet", "index")  # of the lists that have a title, the first one says what voices count
REPEATS = {"index": 1, "modern": 1, "onet": 3, "decided": 1}  # how much a title of each list counts in the ranker
SCHEMA = {"title": pl.String, "code": pl.String, "confidence": pl.Float64, "match": pl.String}

Evidence = Mapping[str, float]  # code -> nats that lists add to its log-probability


@dataclass(frozen=True)
class TitleCoder:
    """Codes titles into `taxonomy`.

    Attributes:
        taxonomy: What the codes are of.
        lists: The sorted words of each listed title -> for each list that has it, code -> its share of the lines.
        ranker: Naive Bayes on the words of titles.
        spelling: The words of the lists, for titles that are misspelt.
        classifier: The logit on parts of words; None: without one.
        weights: How much lists and models count, by the most trusted list that has a title.
        corrections: The sorted words of a title -> the code that the user gives it; they overrule all else.
    """

    taxonomy: Taxonomy
    lists: Mapping[Words, Mapping[str, Evidence]]
    ranker: Ranker
    spelling: Spelling
    classifier: Classifier | None = None
    weights: Mapping[str, Weights] = field(default_factory=load_weights)
    corrections: Mapping[Words, str] = field(default_factory=dict)

    @classmethod
    def learn(cls, taxonomy: Taxonomy, listed: ListedTitles, classifier: Classifier | None = None) -> Self:
        """Learn from titles with known codes.

        Args:
            taxonomy: What the codes are of.
            listed: Titles of the four lists, each with its code.
            classifier: Fitted on the same titles; None: only naive Bayes and the lists speak.

        Returns:
            A coder without corrections.
        """
        examples = listed.examples()
        columns = taxonomy.columns(code for _, _, code, _ in examples)
        repeats = np.array([REPEATS[name] for name, _, _, _ in examples], dtype=float)
        ranker = Ranker.fit([without_rank(title) for _, title, _, _ in examples], columns, repeats, len(taxonomy))
        spelling = Spelling.learn(title for _, title, _, _ in examples)
        return cls(taxonomy, _shares(examples), ranker, spelling, classifier)

    def with_corrections(self, corrections: Mapping[str, str]) -> Self:
        """The coder that gives these titles these codes before it searches anywhere else.

        Args:
            corrections: title -> code. Spelling, order and case of a title do not matter.

        Raises:
            TaxonomyError: a code is not in the taxonomy, or a title has no words, or those of one with another code.
        """
        own: dict[Words, str] = {}
        for title, code in corrections.items():
            if code not in self.taxonomy.position:
                raise TaxonomyError(f"correction of {title!r}: {code!r} is no code of taxonomy {self.taxonomy.name}")
            if not words(title):
                raise TaxonomyError(f"correction of {title!r}: the title has no words")
            if own.setdefault(key(words(title)), code) != code:
                raise TaxonomyError(f"correction of {title!r}: another title of the same words has another code")
        return replace(self, corrections={**self.corrections, **own})

    def code(self, titles: Iterable[str | None], *, threshold: float = THRESHOLD) -> pl.DataFrame:
        """Code titles: one row per distinct title, in the order they come.

        Args:
            titles: Job titles as people write them; null is passed over.
            threshold: The confidence, 0 to 1, below which a title has no code.

        Returns:
            Columns title, code (null below the threshold), confidence (0 to 1) and match: how the code was found, which
            is a correction, same words as a listed title, fewer words (rank or place aside), similar words,
            abbreviated words (similar, with an abbreviation), no job (a student, nothing written), or other language
            (not English).

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
            Codes with their confidence, the surest first; none where the title names no job or is not English.
        """
        form, match = self.look_up(title)
        if match in WITHOUT_CODE:
            return []
        if match == CORRECTION:
            return [(self.corrections[form], 1.0)]
        (confidence,) = next(self._confidences([(form, match)]))
        best = np.argsort(-confidence, kind="stable")[:count]
        return [(self.taxonomy.codes[column], float(confidence[column])) for column in best]

    def _best(self, titles: Sequence[str]) -> list[tuple[str | None, float, str]]:
        found = [self.look_up(title) for title in titles]
        ranked = list(dict.fromkeys((form, match) for form, match in found if match not in (*WITHOUT_CODE, CORRECTION)))
        best: dict[tuple[Words, str], tuple[str, float]] = {}
        for confidence, forms in zip(self._confidences(ranked), _batches(ranked), strict=True):
            first = confidence.argmax(axis=1)
            sure = confidence[np.arange(len(forms)), first].tolist()
            best |= zip(forms, zip((self.taxonomy.codes[column] for column in first), sure, strict=True), strict=True)
        return [self._answer(form, match, best) for form, match in found]

    def _answer(
        self, form: Words, match: str, best: Mapping[tuple[Words, str], tuple[str, float]]
    ) -> tuple[str | None, float, str]:
        if match in WITHOUT_CODE:
            return None, 0.0, match
        code, confidence = (self.corrections[form], 1.0) if match == CORRECTION else best[form, match]
        return code, confidence, match

    def look_up(self, title: str) -> tuple[Words, str]:
        """The words that a title is coded by, and how they were found."""
        said = words(title)
        if key(said) in self.corrections:
            return key(said), CORRECTION
        if names_no_job(said):
            return said, NO_JOB
        if len(said) == 1 and self._is_foreign_word(said[0], title):
            return said, FOREIGN
        place = without_place(title)
        said, shorter = (
            self.spelling.corrected(form, self._is_listed) for form in (said, said if place == title else words(place))
        )
        for match, form in ((SAME, said), (LESS, without_rank(said)), (LESS, shorter), (LESS, without_rank(shorter))):
            if key(form) in self.lists:
                return form, match
        said = without_rank(said)
        if not said:
            return said, NO_JOB
        if is_foreign(title):
            return said, FOREIGN
        return said, ABBREVIATED if is_abbreviated(title) else SIMILAR

    def _is_listed(self, form: Words) -> bool:
        return key(form) in self.lists or key(without_rank(form)) in self.lists

    def _is_foreign_word(self, word: str, title: str) -> bool:
        """Whether a title of one word is not English."""
        return has_foreign_letter(title) or (self.spelling.is_new(word) and ends_foreign(word))

    def _confidences(self, forms: Sequence[tuple[Words, str]]) -> Iterator[NDArray[np.float64]]:
        """Batches of rows, (b, J): how sure each code of each title is."""
        for kinds, evidence in self.evidence(forms):
            weights = [self.weights[kind] for kind in kinds]
            yield confidence_of(pooled(evidence, weights), weights)

    def evidence(self, forms: Sequence[tuple[Words, str]]) -> Iterator[tuple[list[str], NDArray[np.float64]]]:
        """Batches of what each voice says: the kind of weights of each title, and (voices, b, J)."""
        titles = [form for form, _ in forms]
        none: Iterator[NDArray[np.float64]] = repeat(np.zeros(1))
        classified = none if self.classifier is None else self.classifier.log_prob(titles)
        for batch, *log_prob in zip(_batches(forms), self.ranker.log_prob(titles), classified, strict=False):
            evidence = np.zeros((len(VOICES), len(batch), len(self.taxonomy)))
            evidence[0], evidence[1] = log_prob
            kinds = []
            for row, (form, match) in enumerate(batch):
                lists = self.lists[key(form)] if match not in UNLISTED else {}
                kinds.append(next((name for name in TRUST if name in lists), match))
                for name, shares in lists.items():
                    for code, share in shares.items():
                        evidence[VOICES.index(name), row, self.taxonomy.position[code]] = share
            yield kinds, evidence


def load_coder(corrections: Path | None = None) -> TitleCoder:
    """The coder of the shipped titles, into occ1990dd. It learns for about two seconds, once in a process.

    Args:
        corrections: a CSV file of titles and codes that come before all else.

    Raises:
        TaxonomyError: the file does not give each of its titles one code of the taxonomy.
    """
    coder = _shipped()
    return coder if corrections is None else coder.with_corrections(read_corrections(corrections))


@cache
def _shipped() -> TitleCoder:
    taxonomy = load_taxonomy("occ1990dd")
    classifier = Classifier.from_bytes((DATA / "titles_classifier.npz").read_bytes())
    return TitleCoder.learn(taxonomy, load_titles().with_taxonomy(taxonomy), classifier)


def key(title: Words) -> Words:
    """What titles of the same words, in whatever order, have in common."""
    return tuple(sorted(set(title)))


def _shares(examples: Iterable[tuple[str, Words, str, int]]) -> dict[Words, dict[str, dict[str, float]]]:
    """The sorted words of each title -> for each list that has it, code -> its share of the lines."""
    lists: dict[Words, dict[str, dict[str, float]]] = {}
    for name, title, code, lines in examples:
        codes = lists.setdefault(key(title), {}).setdefault(name, {})
        codes[code] = codes.get(code, 0) + lines
    for found in lists.values():
        for codes in found.values():
            total = sum(codes.values())
            codes |= {code: lines / total for code, lines in codes.items()}
    return lists


def _batches(forms: Sequence[tuple[Words, str]]) -> Iterator[Sequence[tuple[Words, str]]]:
    yield from (forms[start : start + BATCH] for start in range(0, len(forms), BATCH))
