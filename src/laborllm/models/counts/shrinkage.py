"""Frequencies of few records, shrunk toward what is known of more: by how much, the validation split decides."""

from collections.abc import Callable

import numpy as np

from laborllm.models.forecasts.forecast import Floats

STRENGTHS = 2.0 ** np.arange(-4, 15)  # in records


def shrink(count: Floats, total: Floats, toward: Floats | float, strength: float) -> Floats:
    """A share, shrunk toward another by records added to its own.

    Args:
        count: How many of the records are counted.
        total: How many records there are.
        toward: The share among the added records.
        strength: How many records are added.

    Returns:
        (count + strength * toward) / (total + strength).
    """
    return np.asarray((count + strength * toward) / (total + strength))


def best_strength(of_validation: Callable[[float], Floats]) -> float:
    """The strength that gives the validation records the highest mean log of their probabilities `of_validation`."""

    def mean_log(strength: float) -> float:
        probability = of_validation(strength)
        return float(np.log(probability).mean()) if probability.size else 0.0

    return float(max(STRENGTHS, key=mean_log))
