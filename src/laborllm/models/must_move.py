"""A forecast given that the next record is a move: for people who have lost the job they were in."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.contract import Forecaster
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.paths import DrawsTexts, Paths, paths_at_once
from laborllm.models.rescored import start_paths
from laborllm.models.runs.run_folder import FitRecord
from laborllm.panel import Panel
from laborllm.panel.history import History


class MustMove:
    """A forecaster of people who cannot stay: P(k | the next occupation is another than the last).

    Only the first open record of a career is given to be a move; what comes after it is as the model has it. A career
    without any occupation so far is forecast as it is.

    Args:
        forecaster: Any fitted model.
    """

    def __init__(self, forecaster: Forecaster) -> None:
        self._forecaster = forecaster

    @property
    def record(self) -> FitRecord | None:
        """What the model was fitted on; None for a forecaster that has no record."""
        return getattr(self._forecaster, "record", None)

    @property
    def paths_at_once(self) -> int:
        """Paths that a simulation draws at a time."""
        return paths_at_once(self._forecaster)

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        """A forecast whose open records are moves; all others are as the model has them.

        Args:
            panel: n records, open ones included.
            scoring: How the model scores titles, if it scores them; default: exactly.
        """
        found = self._forecaster.forecast(panel, scoring=scoring)
        history = History.of(panel if self.record is None else self.record.over(panel))
        occupations = len(found.taxonomy)
        rows = np.flatnonzero((history.occupation == occupations) & (history.previous < occupations))
        log_prob = found.log_prob.copy()
        log_prob[rows] = _moved(np.exp(log_prob[rows].astype(np.float64)), history.previous[rows])
        return replace(found, log_prob=log_prob, method=f"{found.method}, given a move")

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        """The log-probability of each observed occupation, (m,) nats, as the model has it.

        Args:
            panel: Records, m of them observed.
            scoring: How the model scores titles, if it scores them; default: exactly.
        """
        return self._forecaster.log_likelihood(panel, scoring=scoring)

    def paths(self, panel: Panel, draws: int) -> Paths:
        """Paths whose first open record is a move (see `models.paths`).

        Args:
            panel: Careers of W workers, whose last records are open.
            draws: D, paths of each worker.
        """
        observed = panel.records.group_by("worker", maintain_order=True).agg(pl.col("occupation").drop_nulls().last())
        last = panel.taxonomy.columns(observed["occupation"])
        paths = start_paths(self._forecaster, panel, draws)
        return MovingTexts(paths, last) if isinstance(paths, DrawsTexts) else MovingPaths(paths, last)


class MovingPaths:
    """Paths of which the first open record is a move.

    Args:
        paths: Paths of a model.
        last: Column of the last observed occupation of each worker, (W,); J where there is none.
    """

    def __init__(self, paths: Paths, last: NDArray[np.intp]) -> None:
        self._paths, self._last, self._is_first = paths, last, True

    def probability(self) -> Tensor:
        """The distribution of the next open record, (W, D, J), or (W, 1, J) before the first record is closed."""
        found = self._paths.probability()
        if not self._is_first:
            return found
        known = np.flatnonzero(self._last < found.shape[-1])
        moved = found.double().cpu().clone()
        moved[known, 0] = torch.from_numpy(np.exp(_moved(moved[known, 0].numpy(), self._last[known])))
        return moved.to(found)

    def append(self, occupation: Tensor) -> None:
        """Close the next open record of every path."""
        self._is_first = False
        self._paths.append(occupation)


class MovingTexts(MovingPaths):
    """Paths of a language model of which the first open record is a move; later titles may be drawn token by token.

    Args:
        paths: Paths of the model.
        last: Column of the last observed occupation of each worker, (W,); J where there is none.
    """

    def __init__(self, paths: DrawsTexts, last: NDArray[np.intp]) -> None:
        super().__init__(paths, last)
        self._texts = paths

    def draw(self, uniform: Tensor, previous: Tensor) -> Tensor:
        """Draw the next open record of every path, (W, D) columns; the first, which is a move, is drawn from all.

        Args:
            uniform: (W, D) draws from the unit interval.
            previous: (W, D) columns of the occupations before.
        """
        return self._texts.draw(uniform, previous)

    def draw_education(self, levels: Sequence[str], uniform: Tensor) -> None:
        """Draw the education of the next open record of every path.

        Args:
            levels: The L levels to draw from.
            uniform: (W, D) draws from the unit interval.
        """
        self._texts.draw_education(levels, uniform)


def _moved(probability: Floats, previous: NDArray[np.intp]) -> Floats:
    """The log-probabilities of n records given that none stays, (n, J), from their probabilities; minus infinity for
    staying."""
    moves = probability.copy()
    moves[np.arange(len(moves)), previous] = 0
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(moves / moves.sum(axis=1, keepdims=True)))
