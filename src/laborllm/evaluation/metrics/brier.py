"""Brier score: the squared distance of the forecast distribution from what was observed, 0 to 2 (Brier 1950)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from laborllm.evaluation.arrays import Floats
from laborllm.evaluation.metrics.mean import Mean
from laborllm.evaluation.scores.portions import Portion


@dataclass(frozen=True)
class SquaredError:
    """The sum over occupations of (probability - 1 where observed)^2."""

    whole: ClassVar[bool] = True

    def __call__(self, portion: Portion) -> Floats | None:
        if portion.forecast is None:
            return None
        squares = np.exp(2 * portion.log_prob.astype(np.float64)).sum(axis=1)
        return np.asarray(squares - 2 * np.exp(portion.forecast.log_likelihood) + 1)


BRIER = Mean("brier", "Brier score", SquaredError())
