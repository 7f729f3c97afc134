"""How much each voice counts for a title's code, and how sure the sum of them is: a logarithmic opinion pool.

`python -m benchmarks fit-coder` fits the weights on titles that were held out of all that speaks here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import loads

import numpy as np
from numpy.typing import NDArray

from laborllm.occupations.crosswalk import DATA

VOICES = ("words", "classifier", "index", "modern", "onet", "decided")
"""Log-probabilities of naive Bayes and of the classifier, and the share of a list's lines that give a code."""


@dataclass(frozen=True)
class Weights:
    """What the voices count, and how the probability p that their sum gives a code becomes a confidence.

    The log-odds of being right are a log(p) - b log(1 - p) + c, beta calibration (Kull et al. 2017).

    Attributes:
        voices: Voice -> weight; nats for a list. Voices without one do not count.
        a: Slope of log(p).
        b: Slope of -log(1 - p).
        c: Intercept.
    """

    voices: Mapping[str, float]
    a: float = 1.0
    b: float = 1.0
    c: float = 0.0

    def vector(self) -> list[float]:
        """The weights in the order of `VOICES`."""
        return [self.voices.get(voice, 0.0) for voice in VOICES]


def load_weights() -> dict[str, Weights]:
    """The shipped weights, by the list that has a title, the most trusted one, or by how it is found if none has."""
    found = loads((DATA / "titles_weights.json").read_text("utf-8"))
    return {kind: Weights(**weights) for kind, weights in found.items()}


def pooled(evidence: NDArray[np.float64], weights: Sequence[Weights]) -> NDArray[np.float64]:
    """Log-probabilities, (b, J): the weighted sum of what the voices say, `evidence` (voices, b, J), to rows of one."""
    scores: NDArray[np.float64] = np.einsum("bv,vbj->bj", np.array([weight.vector() for weight in weights]), evidence)
    return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)


def confidence_of(log_prob: NDArray[np.float64], weights: Sequence[Weights]) -> NDArray[np.float64]:
    """How sure each code is, (b, J); rows add up to one.

    The most probable code is as sure as the calibration of its `weights` says; the others share the rest as before.
    """
    probability = np.exp(log_prob)
    first = probability.argmax(axis=1)[:, None]
    best = np.clip(np.take_along_axis(probability, first, axis=1), 1e-9, 1 - 1e-9)
    a, b, c = np.array([(weight.a, weight.b, weight.c) for weight in weights]).T[:, :, None]
    sure = 1 / (1 + np.exp(b * np.log1p(-best) - a * np.log(best) - c))
    found: NDArray[np.float64] = probability * (1 - sure) / (1 - best)
    np.put_along_axis(found, first, sure, axis=1)
    return found
