"""Counts of careers taken some at a time: what a summary is made of, exact, and of one person too."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from laborllm.errors import PanelError
from laborllm.panel.files.store import Careers
from laborllm.panel.order import worker_index
from laborllm.panel.panel import ROWS_TOGETHER, Panel
from laborllm.panel.schema import COVARIATES
from laborllm.privacy import SMALLEST_CELL
from laborllm.privacy.counts import CellCounts

Types = dict[str, pl.DataType]


@dataclass
class Tally:
    """What is counted of a panel; open records of few workers are not.

    Attributes:
        first: The first portion of the careers, for what is the same in all.
        workers, records, open_records: How many there are; records with an occupation.
        counts: Tables by name, each of some keys, workers and records: `length` (how many records a worker has),
            `year`, `occupation`, `stays` (whether a record repeats the occupation before) and `split` of records with
            an occupation, `covariate` (covariate and value) of all records.
        known: How many records each covariate and own column is known of.
        known_cells: Who is in which of the cells known and not known, of each covariate and own column; all come first.
    """

    first: Panel
    workers: int = 0
    records: int = 0
    open_records: int = 0
    counts: dict[str, pl.DataFrame] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    known_cells: CellCounts = field(init=False)

    def __post_init__(self) -> None:
        self.known_cells = CellCounts(1 + len(self.names))

    @property
    def names(self) -> list[str]:
        """The covariates and the columns of the user's own."""
        return [*COVARIATES, *self.first.columns]

    def add(self, panel: Panel) -> None:
        """Count more careers."""
        self.workers += panel.workers
        self.open_records += panel.open_records
        self.records += len(panel) - panel.open_records
        for name, found in _counted(panel).items():
            both = pl.concat([self.counts[name], found]) if name in self.counts else found
            self.counts[name] = both.group_by(pl.exclude("workers", "records"), maintain_order=True).sum()
        self._add_known(panel)

    def _add_known(self, panel: Panel) -> None:
        worker = worker_index(panel.records)
        is_known = [panel.records[name].is_not_null() for name in self.names]
        for name, each in zip(self.names, is_known, strict=True):
            self.known[name] = self.known.get(name, 0) + int(each.sum())
        cells = [each.cast(pl.Int64).to_numpy().astype(np.intp) for each in is_known]
        self.known_cells.add([np.zeros_like(worker), *cells], worker)


def tally(careers: Careers) -> Tally:
    """Count careers, some at a time, so that memory grows with what there is to count and not with the panel.

    Raises:
        PanelError: There is no record.
    """
    found: Tally | None = None
    for portion in shown_portions(careers):
        found = found or Tally(portion)
        found.add(portion)
    if found is None:
        raise PanelError(f"the panel {careers.dataset} has no record to count")
    return found


def _counted(panel: Panel) -> dict[str, pl.DataFrame]:
    """The tables of whole careers."""
    observed = panel.records.filter(pl.col("occupation").is_not_null())
    stays = pl.col("occupation") == pl.col("occupation").shift().over("worker")
    length = pl.len().over("worker").alias("length")
    values = pl.concat([_values(panel.records, name) for name in COVARIATES])
    return {
        "length": _of(observed.with_columns(length), "length"),
        "year": _of(observed, "year"),
        "occupation": _of(observed, "occupation"),
        "stays": _of(observed.select("worker", stays=stays).drop_nulls(), "stays"),
        "covariate": _of(values, "covariate", "value"),
        "split": _of(observed, "split"),
    }


def _values(records: pl.DataFrame, name: str) -> pl.DataFrame:
    known = records.select("worker", pl.lit(name).alias("covariate"), pl.col(name).cast(pl.String).alias("value"))
    return known.drop_nulls("value")


def _of(records: pl.DataFrame, *keys: str) -> pl.DataFrame:
    """The keys, workers and records of each cell."""
    counted = records.group_by(keys, maintain_order=True)
    return counted.agg(pl.col("worker").n_unique().alias("workers"), pl.len().alias("records"))


def has_few_open(careers: Careers) -> bool:
    """Whether some workers have an open record, and too few for their number to be shown; not in a panel of so few."""
    workers = with_open = 0
    for portion in careers.portions(ROWS_TOGETHER):
        workers += portion.workers
        with_open += portion.records.filter(pl.col("occupation").is_null())["worker"].n_unique()
        if with_open >= SMALLEST_CELL:
            return False
    return with_open > 0 and workers >= SMALLEST_CELL


def shown_portions(careers: Careers) -> Iterator[Panel]:
    """Careers some at a time, without the open records if those are of few."""
    few = has_few_open(careers)
    for portion in careers.portions(ROWS_TOGETHER):
        if not few:
            yield portion
        elif portion.open_records < len(portion):
            yield portion.observed()


def shown_size(panel: Panel) -> str:
    """How many records a panel has and of how many workers, in words, without the open records if those are of few."""
    shown = panel.observed() if has_few_open(panel) else panel
    return f"{len(shown):,} records of {shown.workers:,} workers"
