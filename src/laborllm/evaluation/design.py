"""How the evaluated records were sampled: a weight each, the clusters they came in, and the strata of the clusters."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from laborllm.errors import OptionError
from laborllm.evaluation.arrays import Indices, Numbers, compact
from laborllm.panel import Panel
from laborllm.panel.order import worker_index

NONE, SAMPLING, WORKER = "none", "sampling", "worker"


@dataclass
class Weights:
    """What records count for, as a column states it, taken in some records at a time.

    Attributes:
        name: "none"; "sampling" for the panel's sampling weights; or a column of numbers.
    """

    name: str = NONE
    _least: float = np.inf
    _largest: float = -np.inf
    _records: int = 0
    _missing: int = 0
    _bad: int = 0

    def read(self, panel: Panel) -> Numbers:
        """The weight of each of the next records, (n,): one where there are no weights.

        Raises:
            OptionError: There is no such column of numbers.
        """
        weight = self._column(panel)
        self._missing += weight.null_count()
        values = weight.drop_nulls().cast(pl.Float64).to_numpy()
        self._bad += int((~np.isfinite(values) | (values < 0)).sum())
        self._records += len(panel)
        self._least = min(self._least, values.min(initial=np.inf))
        self._largest = max(self._largest, values.max(initial=-np.inf))
        return weight.cast(pl.Float64).to_numpy()

    @property
    def differ(self) -> bool:
        """Whether some records weigh more than others."""
        return self._least < self._largest

    def require_valid(self) -> None:
        """Raise `OptionError` where a weight is missing, negative or not finite, or all are zero."""
        of_all = f"of {self._records:,} records"
        if self._missing:
            raise OptionError(f"the weight {self._column_name!r} is missing in {self._missing:,} {of_all}")
        if self._bad:
            raise OptionError(f"the weight {self._column_name!r} is negative or not finite in {self._bad:,} {of_all}")
        if self._largest == 0:
            raise OptionError(f"the weight {self._column_name!r} is zero in every record: nothing is left to average")

    @property
    def _column_name(self) -> str:
        return "weight" if self.name == SAMPLING else self.name

    def _column(self, panel: Panel) -> pl.Series:
        if self.name == NONE:
            return pl.repeat(1.0, len(panel), eager=True)
        if self.name == SAMPLING and panel.weight_kind != SAMPLING:
            raise OptionError(f"the weights of the panel are of kind {panel.weight_kind}: it has no sampling weights")
        column = column_of(panel, self._column_name, "weights")
        if not column.dtype.is_numeric():
            raise OptionError(f"the column {self._column_name!r} does not hold numbers: it cannot be a weight")
        return column


@dataclass
class Clusters:
    """What is drawn together, as columns state it, taken in some whole careers at a time.

    Attributes:
        column: Its values are drawn together. A worker without a value is a cluster.
        strata: A column within whose values clusters are drawn; None: from all. A cluster is then one of its stratum,
            so that codes of clusters may repeat between strata.
    """

    column: str = WORKER
    strata: str | None = None
    _count: int = 0
    _number: dict[tuple[str, ...], int] = field(default_factory=dict)
    _several: dict[str, int] = field(default_factory=dict)

    def read(self, panel: Panel) -> Indices:
        """The cluster of each of the next records as numbers 0, 1, ... in the order in which they first occur, (n,).

        Args:
            panel: Whole careers, none of which was read before.

        Raises:
            OptionError: There is no such column.
        """
        names = [self.column] if self.strata is None else [self.strata, self.column]
        values = [self._of_worker(panel, name) for name in names]
        if names == [WORKER]:  # numbered as they come: their names need not be kept
            found = self._count + worker_index(panel.records)
            self._count = int(found[-1]) + 1
            return compact(found)
        careers = worker_index(panel.records)
        first = np.flatnonzero(np.diff(careers, prepend=-1))
        each = zip(*(value.gather(first).to_list() for value in values), strict=True)
        number = [self._number.setdefault(one, len(self._number)) for one in each]
        self._count = len(self._number)
        return compact(np.array(number)[careers])

    def __len__(self) -> int:
        """How many clusters there are."""
        return self._count

    @property
    def stratum(self) -> Indices | None:
        """The stratum of each cluster as numbers 0, 1, ..., (clusters,); None where there are no strata. Strata of one
        cluster are collapsed.

        Raises:
            OptionError: There is one cluster in all.
        """
        if self.strata is None:
            return None
        strata = {name: at for at, name in enumerate(dict.fromkeys(stratum for stratum, _ in self._number))}
        return _collapsed(np.array([strata[stratum] for stratum, _ in self._number]), self.strata)

    def require_valid(self) -> None:
        """Raise `OptionError` where a worker is in several clusters or strata."""
        for name, workers in self._several.items():
            if workers:
                raise OptionError(
                    f"the column {name!r} differs between records of {workers:,} workers: they are drawn whole"
                )

    def _of_worker(self, panel: Panel, name: str) -> pl.Series:
        """The text of a column that is the same in all records of a worker; the worker's own where it is missing."""
        column = column_of(panel, name, "clusters or strata")
        if name == WORKER:
            return column
        several = panel.records.group_by(WORKER).agg(pl.col(name).drop_nulls().n_unique() > 1)[name].sum()
        self._several[name] = self._several.get(name, 0) + int(several)
        known = pl.col(name).drop_nulls().first().over(WORKER).cast(pl.String)
        itself = pl.lit("\x1f") + pl.col(WORKER).cast(pl.String)  # no value of a column begins so
        return panel.records.select(pl.coalesce(known, itself)).to_series()


def column_of(panel: Panel, name: str, what: str) -> pl.Series:
    """A column of the panel's records.

    Args:
        panel: The records.
        name: Of the column.
        what: What it is for, for the error.

    Returns:
        The column, (n,).

    Raises:
        OptionError: There is no such column.
    """
    if name not in panel.records.columns:
        raise OptionError(f"the panel has no column {name!r} for {what}: use {', '.join(panel.records.columns)}")
    return panel.records[name]


def _collapsed(stratum: Indices, name: str) -> Indices:
    """Strata of one cluster become one stratum, as nothing varies within one cluster (collapsed strata, Wolter 2007);
    a single such stratum joins the smallest of the others."""
    size = np.bincount(stratum)
    single = np.flatnonzero(size == 1)
    if len(stratum) == 1:
        raise OptionError(f"the column {name!r} has one stratum of one cluster: nothing varies within it")
    if len(single) == 1:
        smallest = int(np.argmin(np.where(size > 1, size, size.max() + 1)))
        stratum = np.where(stratum == single[0], smallest, stratum)
    elif len(single):
        stratum = np.where(np.isin(stratum, single), single[0], stratum)
    return np.unique(stratum, return_inverse=True)[1].astype(np.intp)
