"""How often the coder is right on titles it has not seen, and whether it knows."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

import numpy as np
import polars as pl

from laborllm.occupations.coding.coder import UNLISTED, TitleCoder
from laborllm.occupations.coding.words import words
from laborllm.occupations.groups import load_groups

THRESHOLDS = (0.0, 0.3, 0.5, 0.7, 0.9)
LONGEST = 6  # words of a title; longer ones are few

RightCodes = Mapping[str, Set[str]]  # title -> the codes that are right


@dataclass(frozen=True)
class Accuracy:
    """How often titles with known codes are coded rightly: to one of these codes.

    Attributes:
        titles: How many were asked.
        top_1: Share with a right code first.
        top_5: Share with a right code among the first five.
        by_threshold: threshold, coverage (share of titles coded), accuracy (share right of those), confidence (their
            mean).
        by_decile: Ten groups of titles by confidence: titles, accuracy, confidence.
        by_group: Major group of the SOC, by the first right code: titles, top_1, top_5, confidence.
        by_length: Words of the title, `LONGEST` and more together: the same columns.
    """

    titles: int
    top_1: float
    top_5: float
    by_threshold: pl.DataFrame
    by_decile: pl.DataFrame
    by_group: pl.DataFrame
    by_length: pl.DataFrame


def measure_accuracy(coder: TitleCoder, known: RightCodes) -> Accuracy:
    """Code the titles of `known` and compare. Titles that name no job count as wrong.

    Raises:
        ValueError: there is no title.
    """
    return accuracy_of(answers(coder, known))


def answers(coder: TitleCoder, known: RightCodes) -> pl.DataFrame:
    """What the coder says of titles with known codes.

    Returns:
        One row per title: title, match (how it was found), group (of the first right code), words (how many), top_1 and
        top_5 (whether a right code is first, or among five), confidence of the first.
    """
    found = [coder.candidates(title) for title in known]
    right = [[code in codes for code, _ in five] for five, codes in zip(found, known.values(), strict=True)]
    groups = dict(zip(coder.taxonomy.codes, load_groups("soc2018", coder.taxonomy), strict=True))
    return pl.DataFrame(
        {
            "title": list(known),
            "match": [coder.look_up(title)[1] for title in known],
            "words": [min(len(words(title)), LONGEST) for title in known],
            "group": [groups[min(codes, key=int)] for codes in known.values()],
            "top_1": [any(five[:1]) for five in right],
            "top_5": [any(five) for five in right],
            "confidence": [five[0][1] if five else 0.0 for five in found],
        }
    )


def accuracy_of(asked: pl.DataFrame) -> Accuracy:
    """Count what `answers` gave, perhaps of several coders.

    Raises:
        ValueError: there is no title.
    """
    first, five = (float(np.mean(asked[column].to_numpy())) for column in ("top_1", "top_5"))
    by_group, by_length = (
        asked.group_by(column).agg(pl.len().alias("titles"), pl.col("top_1", "top_5", "confidence").mean()).sort(column)
        for column in ("group", "words")
    )
    return Accuracy(asked.height, first, five, _by_threshold(asked), _by_decile(asked), by_group, by_length)


def right_codes(titles: pl.DataFrame) -> RightCodes:
    """The codes of each title of a table with the columns title and code."""
    return {title: set(codes) for title, codes in titles.group_by("title", maintain_order=True).agg("code").rows()}


def unlisted(asked: pl.DataFrame) -> pl.DataFrame:
    """The answers on titles that no list of the coder has."""
    return asked.filter(pl.col("match").is_in(UNLISTED))


def _by_threshold(asked: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for threshold in THRESHOLDS:
        coded = asked.filter(pl.col("confidence") >= threshold)
        rows.append((threshold, coded.height / asked.height, coded["top_1"].mean(), coded["confidence"].mean()))
    return pl.DataFrame(rows, schema=["threshold", "coverage", "accuracy", "confidence"], orient="row")


def _by_decile(asked: pl.DataFrame) -> pl.DataFrame:
    decile = pl.col("confidence").rank("ordinal").sub(1).mul(10).floordiv(pl.len()).add(1).alias("decile")
    means = pl.len().alias("titles"), pl.col("top_1").mean().alias("accuracy"), pl.col("confidence").mean()
    return asked.group_by(decile).agg(*means).sort("decile")
