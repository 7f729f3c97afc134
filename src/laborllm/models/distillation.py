"""Distillation: a model learns the probabilities of a teacher along with what was observed (arXiv 1503.02531).

With y the observed occupation, q the teacher's probabilities, p the model's own and w the share of the teacher, the
loss of a record is

    (1 - w) (-log p_y) + w (-sum_k q_k log p_k),

which is least where p is the mean of the two: (1 - w) times the indicator of y, plus w q.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from laborllm.errors import OptionError
from laborllm.models.forecasts.forecast import Forecast
from laborllm.models.forecasts.saved import SavedForecast
from laborllm.models.taxonomies import require_taxonomy
from laborllm.panel import Panel

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT_WEIGHT = 0.5


def teacher_share(teacher: Path | None, weight: float | None) -> float | None:
    """The share of the loss that a teacher has, from what a spec says.

    Args:
        teacher: Where its forecasts are; None: there is none.
        weight: The share that was asked for; None: the default.

    Returns:
        From 0 to 1; None without a teacher.

    Raises:
        OptionError: A weight without a teacher, or one that is no share.
    """
    if teacher is None:
        if weight is not None:
            raise OptionError(
                "teacher-weight is the weight of a teacher, and there is none", hint="name one with --teacher"
            )
        return None
    if weight is None:
        return DEFAULT_WEIGHT
    if not 0 <= weight <= 1:
        raise OptionError(f"teacher-weight is a share of the loss between 0 and 1, not {weight}")
    return weight


def saved_forecast(path: Path, panel: Panel) -> SavedForecast:
    """The forecasts of a file, for a model that learns from them.

    Args:
        path: The file.
        panel: The panel of the fit.

    Raises:
        InputError: No such file.
        RunError: Forecasts of a model of another split, or over another taxonomy.
    """
    found = SavedForecast.load(path)
    found.lineage.require_held_out_by(panel)
    require_taxonomy(found, panel)
    return found


def probabilities(forecast: Forecast) -> NDArray[np.float32]:
    """The probabilities of a teacher, (n, J)."""
    return np.exp(forecast.log_prob, dtype=np.float32)


def distilled_loss(
    log_prob: "Tensor", observed: "Tensor", teacher_probs: "Tensor | None", share: float | None
) -> "Tensor":
    """The loss in nats, summed over n records.

    Args:
        log_prob: The model's own, (n, J) nats.
        observed: Those of the observed occupations, (n,) nats.
        teacher_probs: (n, J) probabilities of the teacher; None without one.
        share: That the teacher has of the loss; None without one.
    """
    nats = -observed.sum()
    if teacher_probs is None or share is None:
        return nats
    return (1 - share) * nats - share * (teacher_probs * log_prob).sum()
