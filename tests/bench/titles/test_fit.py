"""Fitting the coder of titles: against scikit-learn, and on lists small enough to see through."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks.titles.calibration import SPEAK, HeldOut, _calibrated, fit_weights, held_out_evidence
from benchmarks.titles.classifier import fit_classifier
from benchmarks.titles.fit import fitted_coder
from benchmarks.titles.measure import cross_fitted_answers
from benchmarks.titles.onet import FOLDS, PARTS, listed_of
from laborllm.occupations.coding.accuracy import unlisted
from laborllm.occupations.coding.coder import ABBREVIATED, SIMILAR, TitleCoder
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


def test_the_more_probable_is_never_less_sure() -> None:
    """Titles are right with odds 1 / p / (1 - p)^2: log(p) has no say, and the rest is a regression without it."""
    draw = np.random.default_rng(0)
    probability = draw.uniform(0.5, 1, size=5000)
    said = np.zeros((5000, len(VOICES), 2), dtype=np.float32)
    said[:, 0] = np.log(np.stack([probability, 1 - probability], axis=1))
    odds = 1 / probability / (1 - probability) ** 2 / 20
    right = np.eye(2, dtype=bool)[(draw.random(5000) > odds / (1 + odds)).astype(int)]
    asked = HeldOut(np.repeat(SIMILAR, 5000), said, right)
    found = _calibrated(asked, {"words": 1.0})
    _, log_q, hit = _first(asked, found)
    oracle = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(-log_q[:, None], hit)
    assert found.a == 0
    assert [found.b, found.c] == pytest.approx([oracle.coef_[0, 0], oracle.intercept_[0]], abs=2e-3)


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
    found = held_out_evidence(TAXONOMY, listed, onet())
    assert found.kinds.tolist() == [SIMILAR, *["index"] * (PARTS - 1)]
    assert found.right.argmax(axis=1).tolist() == [0, *[1] * (PARTS - 1)]
    lists = {voice: found.evidence[:, VOICES.index(voice)].sum() for voice in ("index", "modern", "onet")}
    assert lists == {"index": PARTS - 1, "modern": 0, "onet": 0}


def test_a_fold_is_asked_of_a_coder_without_it(listed: ListedTitles, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fold has a title of its own: the coder that is asked for it lists those of the others."""
    titles = pl.concat([onet(f"{place}oo").with_columns(fold=fold) for fold, place in enumerate("bmz")])
    fitted_on = []

    def fitted(taxonomy: Taxonomy, listed: ListedTitles, known: pl.DataFrame) -> TitleCoder:
        fitted_on.append(known)
        return TitleCoder.learn(taxonomy, replace(listed, onet=listed_of(known)))

    monkeypatch.setattr("benchmarks.titles.measure.fitted_coder", fitted)
    monkeypatch.setattr("laborllm.occupations.coding.accuracy.load_groups", lambda *_: ("Food", "Health", "Metal"))
    found = cross_fitted_answers(TAXONOMY, listed, titles)
    asked = found["titles of O*NET"]
    assert sorted(unlisted(asked)["title"]) == ["Boo cook", "Moo cook", "Zoo cook"]
    assert asked.height == FOLDS * PARTS
    assert found["short titles of O*NET"].is_empty()
    assert [sorted(set(range(FOLDS)) - set(known["fold"])) for known in fitted_on] == [[fold] for fold in range(FOLDS)]


def test_a_fitted_coder_has_list_voices_and_weights_of_its_titles(
    listed: ListedTitles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights are fitted on what a coder without each part says; here they count the titles."""
    monkeypatch.setattr(
        "benchmarks.titles.fit.fit_weights", lambda found: {"onet": Weights({"onet": len(found.kinds)})}
    )
    coder = fitted_coder(TAXONOMY, listed, onet())
    assert coder.lists["cook", "zoo"] == {"onet": {"1": 1.0}}
    assert coder.classifier is not None
    assert coder.weights["onet"].voices == {"onet": PARTS}
    assert coder.candidates("Zoo cook", 1)[0][0] == "1"


def onet(place: str = "zoo") -> pl.DataFrame:
    """A cook of a place that no other list has, and nurses that the index has, each in a part of its own."""
    rows = [(f"{place.title()} cook", f"{place} cook", "1", False, 0, 0)]
    rows += [(f"{a.upper()} Nurse", f"{a} nurse", "2", False, 0, part) for part, a in enumerate("bcdefghij", start=1)]
    return pl.DataFrame(rows, schema=["title", "form", "code", "short", "fold", "part"], orient="row")
