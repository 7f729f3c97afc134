"""Top-k accuracy: how often the observed occupation is among the k most probable."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from laborllm.evaluation.arrays import Floats, Indices, Numbers
from laborllm.evaluation.metrics.mean import Mean
from laborllm.evaluation.scores.portions import Portion


@dataclass(frozen=True)
class Hit:
    """Whether the observed occupation is among the `top` most probable."""

    top: int
    whole: ClassVar[bool] = True

    def __call__(self, portion: Portion) -> Floats | None:
        return None if portion.forecast is None else top_hits(portion.log_prob, portion.history.occupation, self.top)


def top_k(top: int) -> Mean:
    """The share of records whose occupation is among the `top` most probable."""
    return Mean(f"top_{top}", f"top {top} right", Hit(top), better="higher")


def top_hits(log_prob: Floats, observed: Indices, top: int) -> Numbers:
    """Whether the observed occupation is among the most probable ones.

    Where it ties at the edge it counts the chance that a random order of the tied lets it in, so that a uniform
    forecast over J occupations scores top / J.

    Args:
        log_prob: Of each occupation, (n, J).
        observed: The column of the observed one, (n,).
        top: How many are the most probable ones.

    Returns:
        From 0 to 1, (n,).
    """
    own = log_prob[np.arange(len(observed)), observed][:, None]
    greater = (log_prob > own).sum(axis=1)
    tied = (log_prob == own).sum(axis=1)
    return np.asarray(np.clip((top - greater) / tied, 0, 1))
