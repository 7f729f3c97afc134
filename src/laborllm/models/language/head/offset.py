"""Offset logits: the forecasts of another model as fixed terms of the scores, as in a GLM.

The head starts at these forecasts and learns what the text adds. A teacher's probabilities, for distillation, are
carried along in the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from laborllm.lm.tokens.encoding import EncodedCareer
from laborllm.models.distillation import probabilities
from laborllm.models.forecasts.forecast import Forecast
from laborllm.panel import Panel
from laborllm.panel.history import History

LEAST = -60.0  # log-probability of an offset


@dataclass(frozen=True)
class OffsetCareer(EncodedCareer):
    """A career as tokens, or a window of it, with the offset logits of its T records.

    Attributes:
        offset: (T, J + 1) logits of the occupations, and of staying.
        teacher_probs: (T, J) probabilities of a teacher; None without one.
    """

    offset: NDArray[np.float32] = field(kw_only=True)
    teacher_probs: NDArray[np.float32] | None = field(kw_only=True, default=None)


def with_offset(
    careers: Sequence[EncodedCareer], panel: Panel, forecast: Forecast, teacher: Forecast | None = None
) -> list[OffsetCareer]:
    """Encoded careers with the forecast of their records as offset, and a teacher's probabilities if there is one.

    Args:
        careers: Careers as tokens.
        panel: Their records, n in all.
        forecast: Of these records, whose logits are the offset.
        teacher: A forecast of these records to distil.

    Returns:
        The careers in their order.
    """
    offset = offset_logits(forecast.log_prob, History.of(panel).previous)
    probs = None if teacher is None else probabilities(teacher)
    places = pairwise(np.cumsum([0, *(len(career.starts) for career in careers)]))
    return [
        OffsetCareer(**vars(career), offset=offset[a:b], teacher_probs=None if probs is None else probs[a:b])
        for career, (a, b) in zip(careers, places, strict=True)
    ]


def offset_logits(log_prob: NDArray[np.floating], previous: NDArray[np.intp]) -> NDArray[np.float32]:
    """Scores of the two-stage likelihood that give a forecast.

    Args:
        log_prob: The forecast, (n, J) nats.
        previous: Column of the occupation before, (n,); J where there is none.

    Returns:
        (n, J + 1); the last column is the logit of staying, zero for first records.
    """
    log_prob = log_prob.clip(min=LEAST)
    none = log_prob.shape[1]
    stay = log_prob[np.arange(len(previous)), previous % none].astype(np.float64).clip(max=-1e-7)
    logit = np.where(previous == none, 0.0, stay - np.log(-np.expm1(stay)))
    return np.column_stack([log_prob, logit]).astype(np.float32)
