"""The evaluated records: their kinds, their workers, the draws they share, and which cells are too small to show."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from laborllm.evaluation.arrays import Bools, Indices
from laborllm.evaluation.bootstrap import Bootstrapped, WorkerBootstrap
from laborllm.panel.history import KINDS, transition_kinds
from laborllm.panel.order import worker_index
from laborllm.privacy import SMALLEST_CELL

WITHHELD = f"fewer than {SMALLEST_CELL} workers"
INFINITE = "an observed record has probability zero"

Row = dict[str, object]
Schema = dict[str, pl.DataType]

COUNTS: Schema = {"records": pl.Int64(), "workers": pl.Int64()}
ESTIMATE: Schema = {
    "estimate": pl.Float64(),
    "standard_error": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "note": pl.String(),
}
"""Columns every table of estimates ends with; low and high bound the 95 % interval."""


@dataclass(frozen=True)
class Cells:
    """Groups of records. members: (n, c). records, workers: (c,) how many are in each."""

    names: tuple[str, ...]
    members: Bools
    records: Indices
    workers: Indices

    @classmethod
    def of(cls, groups: Mapping[str, Bools], worker: Indices) -> Self:
        """From a mask (n,) per group."""
        counts = [len(np.unique(worker[mask])) for mask in groups.values()]
        members = np.stack(list(groups.values()), axis=1)
        return cls(tuple(groups), members, members.sum(axis=0), np.array(counts, dtype=np.intp))

    def withheld(self, cell: int) -> bool:
        """Whether a cell holds too few workers to show anything of it."""
        return bool(self.workers[cell] < SMALLEST_CELL)

    def counts(self, cell: int) -> Row:
        if self.withheld(cell):
            return dict.fromkeys(COUNTS)
        return {"records": int(self.records[cell]), "workers": int(self.workers[cell])}


@dataclass(frozen=True)
class Sample:
    """The records that all models are evaluated on. worker: (n,) numbers. kinds: all, first, stay and move."""

    worker: Indices
    kinds: Cells
    bootstrap: WorkerBootstrap

    @classmethod
    def of(cls, records: pl.DataFrame, draws: int, seed: int) -> Self:
        kind, worker = transition_kinds(records).to_numpy(), worker_index(records)
        groups = {"all": np.ones(len(kind), dtype=bool)} | {name: kind == name for name in KINDS}
        return cls(worker, Cells.of(groups, worker), WorkerBootstrap(worker, draws, seed))

    @property
    def has_past(self) -> Bools:
        """Whether each record has a record of the same worker before it, (n,)."""
        return np.asarray(~self.kinds.members[:, self.kinds.names.index("first")])


def estimate_columns(statistic: Bootstrapped, *, withheld: bool = False) -> Row:
    """The columns of `ESTIMATE` for a single statistic; all null but the note where it is withheld."""
    if withheld:
        return {**dict.fromkeys(ESTIMATE), "note": WITHHELD}
    value = float(statistic.estimate)
    low, high = statistic.interval
    numbers = {"estimate": value, "standard_error": statistic.standard_error, "low": low, "high": high}
    shown = {name: None if math.isnan(number) else number for name, number in numbers.items()}
    return {**shown, "note": None if math.isfinite(value) else INFINITE}
