"""Paths of any model: each year, every career so far is forecast again. Slow, and the oracle of the quicker methods."""

import numpy as np
import polars as pl
import torch
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
        """(W, D, J), or (W, 1, J) before the first record is closed."""
        draws = self._draws if self._closed else 1
        careers = self._careers(draws)
        forecast = self._model.forecast(careers)
        is_next = careers.records["occupation"].is_null().to_numpy()
        log_prob = torch.from_numpy(np.ascontiguousarray(forecast.log_prob[is_next]))
        return log_prob.double().exp().view(-1, draws, log_prob.shape[1])

    def append(self, occupation: Tensor) -> None:
        """Close the next open record of every path."""
        self._closed.append(occupation)

    def _careers(self, draws: int) -> Panel:
        """The careers of all paths up to their next open record, path by path."""
        records, taxonomy = self._panel.records, self._panel.taxonomy
        numbered = records.with_columns(
            pl.col("worker").rle_id().alias("number"),
            pl.col("occupation").is_null().cum_sum().over("worker").alias("place"),  # 1 for the first open record
        ).filter(pl.col("place") <= len(self._closed) + 1)
        paths = numbered.join(pl.DataFrame({"path": np.arange(draws)}), how="cross")
        codes = np.array([*taxonomy.codes, None], dtype=object)
        drawn = paths["occupation"].to_numpy().copy()
        for place, columns in enumerate(self._closed, start=1):
            rows = np.flatnonzero((paths["place"] == place).to_numpy())
            drawn[rows] = codes[columns.numpy()[paths["number"][rows], paths["path"][rows]]]
        name = pl.concat_str(
            pl.col("number").cast(pl.String).str.zfill(9), pl.lit(":"), pl.col("path").cast(pl.String).str.zfill(9)
        )
        careers = paths.with_columns(pl.Series("occupation", drawn, pl.String), name.alias("worker"))
        return self._panel.with_records(careers.drop("number", "place", "path"))
