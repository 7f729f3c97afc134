"""Paths of any model: each year, every career so far is forecast again. Slow, and the oracle of the quicker methods."""

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from laborllm.models.contract import Forecaster
from laborllm.models.paths import Paths, Simulates
from laborllm.panel import Panel


def start_paths(model: Forecaster, panel: Panel, draws: int) -> Paths:
    """Paths that carry the state of the model along, where it can.

    Args:
        model: Any fitted model.
        panel: Careers with K open records each.
        draws: Paths of each worker, D.
    """
    return model.paths(panel, draws) if isinstance(model, Simulates) else RescoredPaths(model, panel, draws)


class RescoredPaths:
    """D paths of each of W workers as careers of a panel, of which all but the next open record are closed."""

    def __init__(self, model: Forecaster, panel: Panel, draws: int) -> None:
        self._model, self._panel, self._draws = model, panel, draws
        self._closed: list[Tensor] = []  # (W, D) columns, one for each open record closed so far

    def probability(self) -> Tensor:
        """The distribution of the next open record, (W, D, J), or (W, 1, J) before the first record is closed."""
        draws = self._draws if self._closed else 1
        worker = np.repeat(np.arange(self._panel.workers), draws)
        columns = [occupation.cpu().numpy().flatten() for occupation in self._closed]
        closed = np.stack(columns, axis=1) if columns else np.empty((len(worker), 0), dtype=np.intp)
        careers = careers_so_far(self._panel, worker, closed)
        forecast = self._model.forecast(careers)
        is_next = careers.records["occupation"].is_null().to_numpy()
        log_prob = torch.from_numpy(np.ascontiguousarray(forecast.log_prob[is_next]))
        return log_prob.double().exp().view(-1, draws, log_prob.shape[1])

    def append(self, occupation: Tensor) -> None:
        """Close the next open record of every path."""
        self._closed.append(occupation)


def careers_so_far(panel: Panel, worker: NDArray[np.intp], closed: NDArray[np.intp]) -> Panel:
    """Careers up to their next open record, after the first k open ones have been closed.

    Args:
        panel: Careers of W workers with more than k open records each.
        worker: Whose career each of P is, (P,).
        closed: Columns of the occupations in its closed records, (P, k).

    Returns:
        P careers, in that order.
    """
    numbered = panel.records.with_columns(
        pl.col("worker").rle_id().cast(pl.Int64).alias("number"),
        pl.col("occupation").is_null().cum_sum().over("worker").cast(pl.Int64).alias("place"),  # 1: first open record
    ).filter(pl.col("place") <= closed.shape[1] + 1)
    paths = pl.DataFrame({"number": worker.astype(np.int64), "path": np.arange(len(worker))})
    records = paths.join(numbered, on="number", how="left", maintain_order="left_right")
    codes = np.array([*panel.taxonomy.codes, None], dtype=object)
    drawn = records["occupation"].to_numpy().copy()
    for place in range(1, closed.shape[1] + 1):
        rows = np.flatnonzero((records["place"] == place).to_numpy())
        drawn[rows] = codes[closed[records["path"][rows], place - 1]]
    name = pl.col("path").cast(pl.String).str.zfill(9)
    careers = records.with_columns(pl.Series("occupation", drawn, pl.String), name.alias("worker"))
    return panel.with_records(careers.select(panel.records.columns))
