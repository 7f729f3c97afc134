"""Pooling and confidence against the formulas, one title at a time."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.occupations.coding.coder import TRUST, UNLISTED
from laborllm.occupations.coding.weights import VOICES, Weights, confidence_of, load_weights, pooled

TWO = [Weights({"words": 0.5, "decided": 2.0}), Weights({"classifier": 1.0}, a=0.5, b=0.8, c=0.3)]
EVIDENCE = st.lists(st.lists(st.floats(-5, 5), min_size=3, max_size=3), min_size=len(VOICES), max_size=len(VOICES))


@given(EVIDENCE, EVIDENCE)
def test_voices_are_added_up_by_their_weights(first: list[list[float]], second: list[list[float]]) -> None:
    evidence = np.stack([first, second], axis=1)
    scores = [
        [0.5 * first[VOICES.index("words")][j] + 2 * first[VOICES.index("decided")][j] for j in range(3)],
        second[VOICES.index("classifier")],
    ]
    for found, of in zip(pooled(evidence, TWO), scores, strict=True):
        total = math.log(sum(map(math.exp, of)))
        assert found.tolist() == pytest.approx([score - total for score in of], abs=1e-9)


@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=3))
def test_confidence_moves_the_first_and_leaves_the_shares_of_the_others(shares: list[float]) -> None:
    probability = [share / sum(shares) for share in shares]
    (found,) = confidence_of(np.log([probability]), TWO[1:])
    first = max(range(3), key=probability.__getitem__)
    odds = probability[first] ** 0.5 / (1 - probability[first]) ** 0.8 * math.exp(0.3)
    assert found[first] == pytest.approx(odds / (1 + odds))
    assert found.sum() == pytest.approx(1)
    one, other = (j for j in range(3) if j != first)
    assert found[one] * probability[other] == pytest.approx(found[other] * probability[one])


def test_shipped_weights_know_every_kind_and_trust_no_voice_less_than_nothing() -> None:
    found = load_weights()
    assert set(found) == {*TRUST, *UNLISTED}
    assert all(weight >= 0 for of in found.values() for weight in of.voices.values())
    assert all(of.a >= 0 and of.b > 0 for of in found.values())  # the more probable is never less sure
    assert all(set(found[kind].voices) == {"words", "classifier"} for kind in UNLISTED)  # no list has such a title
