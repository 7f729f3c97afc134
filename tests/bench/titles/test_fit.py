"""Fitting the coder of titles: against scikit-learn, and on lists small enough to see through."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks.titles.calibration import SPEAK, HeldOut, fit_weights, held_out_evidence
from benchmarks.titles.classifier import fit_classifier
from benchmarks.titles.onet import FOLDS, KNOWN
from laborllm.occupations.coding.coder import ABBREVIATED, SIMILAR
from laborllm.occupations.coding.listed import ListedTitles
from laborllm.occupations.coding.weights import VOICES, Weights, pooled
from laborllm.occupations.taxonomy import Taxonomy

JOBS = {"1": "cook", "2": "nurse", "3": "welder"}
TAXONOMY = Taxonomy.from_occupations("small", [(code, f"{job} at large", "A") for code, job in JOBS.items()])


@pytest.fixture(scope="module")
def listed() -> ListedTitles:
    """Thirty titles of three jobs, all in the index."""
    rows = [(f"{place} {job}", code, 1) for code, job in JOBS.items() for place in "abcdefghij"]
    index = pl.DataFrame(rows, schema=["title", "code", "lines"], orient="row")
    none = index.select("title", "code").clear()
    return ListedTitles(index, none, none, ()).with_taxonomy(TAXONOMY)


@pytest.fixture(scope="module")
def evidence() -> HeldOut:
    """Titles of which naive Bayes is right twice as often as it says in nats, and the classifier guesses."""
    draw = np.random.default_rng(0)
    said = draw.normal(size=(len(VOICES), 5000, 3))
    said[0] = np.log(np.exp(said[0]) / np.exp(said[0]).sum(axis=1, keepdims=True))
    truth = np.exp(2 * said[0])
    column = (draw.random(5000)[:, None] > truth.cumsum(axis=1) / truth.sum(axis=1, keepdims=True)).sum(axis=1)
    kinds = np.repeat(["index", "modern", SIMILAR, ABBREVIATED, "decided"], 1000)
    return HeldOut(kinds, said.swapaxes(0, 1).astype(np.float32), np.eye(3, dtype=bool)[column])


def test_the_classifier_knows_titles_that_it_saw(listed: ListedTitles) -> None:
    fitted = fit_classifier(TAXONOMY, listed)
    examples = listed.examples()
    (log_prob,) = fitted.log_prob([title for _, title, _, _ in examples])
    assert log_prob.argmax(axis=1).tolist() == TAXONOMY.columns(code for _, _, code, _ in examples).tolist()
    assert next(fitted.log_prob([("z", "welder")])).argmax() == 2


def test_a_fit_repeats(listed: ListedTitles) -> None:
    one, other, third = (fit_classifier(TAXONOMY, listed, seed=seed) for seed in (0, 0, 1))
    assert all((getattr(one, name) == getattr(other, name)).all() for name in ("vectors", "slopes", "intercepts"))
    assert (one.vectors != third.vectors).any()


def test_voices_are_weighed_by_what_they_know(evidence: HeldOut) -> None:
    found = fit_weights(evidence)
    for kind in SPEAK:
        voices = found[kind].voices
        assert voices["words"] == pytest.approx(2, abs=0.2)  # the truth is twice the evidence
        assert all(abs(weight) < 0.15 for voice, weight in voices.items() if voice != "words")
        assert set(voices) - {"onet"} == set(SPEAK[kind])
    assert found["onet"] == found["modern"]
    assert found["onet"].voices["onet"] == found["onet"].voices["modern"]


def test_confidence_is_a_logistic_regression(evidence: HeldOut) -> None:
    found = fit_weights(evidence)
    for kind in SPEAK:
        log_p, log_q, hit = _first(evidence.of(kind), found[kind])
        oracle = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(np.stack([log_p, -log_q], axis=1), hit)
        assert [found[kind].a, found[kind].b] == pytest.approx(oracle.coef_[0], abs=2e-3)
        assert found[kind].c == pytest.approx(oracle.intercept_[0], abs=2e-3)


def test_decided_titles_are_as_sure_as_they_are_right(evidence: HeldOut) -> None:
    weights = fit_weights(evidence)["decided"]
    log_p, log_q, hit = _first(evidence.of("decided"), weights)
    sure = 1 / (1 + np.exp(-(weights.a * log_p - weights.b * log_q + weights.c)))
    assert sure.mean() == pytest.approx(hit.mean(), abs=1e-3)


def _first(asked: HeldOut, weights: Weights) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    log_prob = pooled(asked.evidence.swapaxes(0, 1).astype(float), [weights] * len(asked.kinds))
    first = log_prob.argmax(axis=1)
    best = np.exp(log_prob.max(axis=1))
    return np.log(best), np.log1p(-best), asked.right[np.arange(len(first)), first]


def test_what_is_held_out_is_asked_of_a_coder_without_it(listed: ListedTitles) -> None:
    """A title that O*NET alone has is listed in no fold; one that the index has, too, is found in it."""
    draws = [*(KNOWN * (fold + 0.5) / FOLDS for fold in range(FOLDS)), 0.95]
    rows = [("Zoo cook", "zoo cook", "1", False, draw) for draw in draws[:1]]
    rows += [
        (f"{place.upper()} Nurse", f"{place} nurse", "2", False, draw)
        for place, draw in zip("bcdefghijk", draws[1:], strict=True)
    ]
    onet = pl.DataFrame(rows, schema=["title", "form", "code", "short", "draw"], orient="row")
    found = held_out_evidence(TAXONOMY, replace(listed, onet=onet.select(pl.col("form").alias("title"), "code")), onet)
    assert found.kinds.tolist() == [SIMILAR, *["index"] * (FOLDS - 1)]  # the last is not known
    assert found.right.argmax(axis=1).tolist() == [0, *[1] * (FOLDS - 1)]
    lists = {voice: found.evidence[:, VOICES.index(voice)].sum() for voice in ("index", "modern", "onet")}
    assert lists == {"index": FOLDS - 1, "modern": 0, "onet": 0}
