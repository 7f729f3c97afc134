"""How often the coder is right on titles it has not seen, and whether it knows."""

import hashlib
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.occupations.coding.coder import TitleCoder, key
from laborllm.occupations.coding.listed import ListedTitles, load_titles
from laborllm.occupations.taxonomy import load_taxonomy

HELD_OUT = 0.2
THRESHOLDS = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Accuracy:
    """Of coding held-out titles. A code is right if the lists give it to the title, alone or among others.

    titles: how many were held out. top_1, top_5: share with a right code first, or among the first five.
    by_threshold: threshold, coverage (share of titles coded), accuracy (share right of those), confidence (their mean).
    calibration: intercept and slope of a logistic regression of being right on the log-odds of the confidence; 0 and 1
    where the confidence is the probability of being right.
    """

    titles: int
    top_1: float
    top_5: float
    by_threshold: pl.DataFrame
    calibration: tuple[float, float]


def measure_accuracy(*, seed: int = 0) -> Accuracy:
    """Hold out a fifth of the index, learn from the rest, and code the titles held out.

    Titles of the same words, in whatever order and however joined, are on one side of the split, and those that another
    list decides are not asked.
    """
    listed = load_titles()
    held = pl.Series([_uniform(title, seed) < HELD_OUT for title in listed.index["title"]])
    coder = TitleCoder.learn(load_taxonomy("occ1990dd"), ListedTitles(listed.index.filter(~held), listed.later))
    truth = listed.index.filter(held).group_by("title", maintain_order=True).agg("code")
    asked = [(title, codes) for title, codes in truth.rows() if key(tuple(title.split())) not in coder.known]
    found = [coder.candidates(title) for title, _ in asked]
    right = [[code in codes for code, _ in five] for five, (_, codes) in zip(found, asked, strict=True)]
    first = np.array([any(five[:1]) for five in right])
    confidence = np.array([five[0][1] if five else 0.0 for five in found])
    return Accuracy(
        titles=len(asked),
        top_1=float(first.mean()),
        top_5=sum(any(five) for five in right) / len(right),
        by_threshold=_by_threshold(first, confidence),
        calibration=_calibration(first, confidence),
    )


def _uniform(title: str, seed: int) -> float:
    """From 0 to 1, the same for titles of the same letters: "dry kiln" is "kiln, dry" and "drykiln"."""
    letters = "".join(sorted(title.replace(" ", "")))
    return int.from_bytes(hashlib.blake2b(f"{seed}:{letters}".encode(), digest_size=8).digest()) / 2**64


def _by_threshold(right: NDArray[np.bool_], confidence: NDArray[np.float64]) -> pl.DataFrame:
    rows = []
    for threshold in THRESHOLDS:
        coded = confidence >= threshold
        rows.append((threshold, coded.mean(), right[coded].mean(), confidence[coded].mean()))
    return pl.DataFrame(rows, schema=["threshold", "coverage", "accuracy", "confidence"], orient="row")


def _calibration(right: NDArray[np.bool_], confidence: NDArray[np.float64], steps: int = 20) -> tuple[float, float]:
    """Newton's method for a logistic regression with one regressor; confidences of 0 and 1 have no odds and no say."""
    between = (confidence > 0) & (confidence < 1)
    odds = np.log(confidence[between]) - np.log1p(-confidence[between])
    design = np.column_stack([np.ones_like(odds), odds])
    weights = np.zeros(2)
    for _ in range(steps):
        probability = 1 / (1 + np.exp(-design @ weights))
        curvature = design.T @ (design * (probability * (1 - probability))[:, None])
        weights += np.linalg.solve(curvature, design.T @ (right[between] - probability))
    return float(weights[0]), float(weights[1])
