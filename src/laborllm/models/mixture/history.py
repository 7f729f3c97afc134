"""A few numbers on what is known of a record before its occupation is."""

import numpy as np
import polars as pl

from laborllm.models.forecasts.forecast import Floats
from laborllm.panel import Panel
from laborllm.panel.history import History


def training_records(panel: Panel) -> Floats:
    """How many records of split train each occupation of the taxonomy has, (J,)."""
    columns = panel.taxonomy.columns(panel.subset("train").observed().records["occupation"])
    return np.bincount(columns, minlength=len(panel.taxonomy)).astype(float)


def history_features(panel: Panel, seen: Floats) -> Floats:
    """What is known before each record, (n, 7).

    Whether it is a first record; whether the last occupation is a state; log of one plus how often that was seen, by
    `seen`, (J,); log of one plus the records before; years since the last one; log of the tenure in records; age. What
    a first record does not have is zero, an unknown age NaN.
    """
    history = History.of(panel)
    of_occupation = np.isin(panel.taxonomy.codes, panel.taxonomy.states), np.log1p(seen)
    last = [np.append(values, 0)[history.previous] for values in of_occupation]  # zero where there is none
    tenure = np.log(np.maximum(history.tenure, 1))
    age = panel.records.select((pl.col("year") - pl.col("birth_year")).cast(pl.Float64)).to_series().to_numpy()
    return np.column_stack([history.is_first, *last, np.log1p(history.position), history.gap, tenure, age])
