"""A screen of every fit that needs no other model: are the hardest careers as hard as those of people held out?

A model that remembers single people leaves few of them with a high loss, while people it never saw have one as often as
before. The share of these above the loss that only a small share of the training careers exceed tells how far an attack
with refits would get (arXiv 2510.19773).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from laborllm.errors import MissingForecastError
from laborllm.models.contract import Fitted, Forecaster
from laborllm.panel import Panel
from laborllm.privacy import SMALLEST_CELL

WORKERS = 200  # of either side
WORKERS_OF_TEXT = 64  # where each takes a language model a second or so
ESTIMATE_NOTHING = ("off-the-shelf", "oracle")  # and so remember nobody
HARDEST = 0.05


@dataclass(frozen=True)
class Tail:
    """The tail of the loss.

    Attributes:
        trained: Training careers looked at.
        others: Validation careers looked at.
        among_trained: Share of the former above the loss that counts as high.
        among_others: Share of the latter above it.
    """

    trained: int
    others: int
    among_trained: float
    among_others: float

    def __str__(self) -> str:
        trained, others = f"{self.trained:,} careers that it was trained on", f"{self.others:,} careers of split valid"
        return (
            f"The hardest {100 * self.among_trained:.0f} % of {trained} are as hard for it as the hardest "
            f"{100 * self.among_others:.1f} % of {others}. The larger the second share, the more it remembers "
            "of single people. `laborllm audit` says more, with refits."
        )


def screen(fitted: Fitted, panel: Panel, *, seed: int = 0) -> Tail | None:
    """Look at the tail of a model that was just fitted.

    Args:
        fitted: The model.
        panel: What it was fitted on.
        seed: Draws the careers.

    Returns:
        The tail; None for a model that estimates nothing from careers or that cannot forecast these, or where a split
            has fewer than ten workers.
    """
    if fitted.spec.name in ESTIMATE_NOTHING:
        return None
    workers = WORKERS_OF_TEXT if hasattr(fitted, "text_model") else WORKERS
    try:
        return tail_of(fitted, panel, workers=workers, seed=seed)
    except MissingForecastError:  # a mixture of which a member is a file of forecasts: it has none for these careers
        return None


def tail_of(model: Forecaster, panel: Panel, *, workers: int = WORKERS, seed: int = 0) -> Tail | None:
    """Compare the hardest careers of splits train and valid; None where one has fewer than ten workers.

    Args:
        model: What was fitted on the panel.
        panel: The panel.
        workers: How many careers of either split, at most.
        seed: Draws the careers.
    """
    train, valid = (panel.subset(split).observed().sample(workers, seed=seed) for split in ("train", "valid"))
    if min(train.workers, valid.workers) < SMALLEST_CELL:
        return None
    inside, outside = (_loss(model, part) for part in (train, valid))
    high = np.quantile(inside, 1 - HARDEST)
    return Tail(len(inside), len(outside), float((inside > high).mean()), float((outside > high).mean()))


def _loss(model: Forecaster, panel: Panel) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The mean loss of each career in nats, (W,)."""
    losses = panel.records.select("worker", loss=-pl.Series(model.log_likelihood(panel)))
    return losses.group_by("worker", maintain_order=True).agg(pl.col("loss").mean())["loss"].to_numpy()
