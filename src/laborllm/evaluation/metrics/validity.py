"""What a language model does with its probability apart from the titles: raw mass, valid completions, exactness."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from laborllm.evaluation.arrays import Floats
from laborllm.evaluation.metrics.mean import Mean
from laborllm.evaluation.scores.portions import Portion


@dataclass(frozen=True)
class TitleMass:
    """The probability that the model itself puts on titles of the taxonomy; one for models over codes."""

    whole: ClassVar[bool] = True

    def __call__(self, portion: Portion) -> Floats | None:
        return None if portion.forecast is None else portion.forecast.raw_mass


@dataclass(frozen=True)
class GreedyValid:
    """Whether the most probable continuation, token by token, is a title."""

    whole: ClassVar[bool] = True

    def __call__(self, portion: Portion) -> Floats | None:
        if portion.forecast is None or portion.forecast.greedy_valid is None:
            return None
        return portion.forecast.greedy_valid.astype(np.float64)


@dataclass(frozen=True)
class Inexactness:
    """The nats by which the log-likelihood may be off, -log(1 - b), for a forecast within b in total variation."""

    whole: ClassVar[bool] = True

    def __call__(self, portion: Portion) -> Floats | None:
        if portion.forecast is None or portion.forecast.error_bound is None:
            return None
        return np.asarray(-np.log1p(-portion.forecast.error_bound))


RAW_MASS = Mean("raw_mass", "raw mass", TitleMass(), better="higher")
GREEDY_VALID = Mean("greedy_valid", "greedy valid", GreedyValid(), better="higher")
WITHIN = Mean("within", "perplexity exact within a factor of", Inexactness(), exponential=True)
