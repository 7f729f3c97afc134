"""How the evaluated records were sampled: a weight each, the clusters they came in, and the strata of the clusters."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from laborllm.errors import OptionError
from laborllm.evaluation.arrays import Indices, Numbers, compact
from laborllm.panel import Panel

NONE, SAMPLING, WORKER = "none", "sampling", "worker"


@dataclass(frozen=True)
class Design:
    """The sampling design of n records.

    Attributes:
        weight: What each record counts for, (n,); one where there are no weights.
        cluster: The cluster of each record as numbers 0, 1, ..., (n,).
        stratum: The stratum of each cluster as numbers 0, 1, ..., (clusters,); None where there are no strata.
    """

    weight: Numbers
    cluster: Indices
    stratum: Indices | None

    @classmethod
    def of(cls, panel: Panel, *, weights: str = NONE, cluster: str = WORKER, strata: str | None = None) -> Self:
        """The design that columns of the panel state.

        Args:
            panel: Of n records.
            weights: "none"; "sampling" for the panel's sampling weights; or a column of numbers.
            cluster: A column whose values are drawn together. A worker without a value is a cluster.
            strata: A column; clusters are drawn within its values. A cluster is then one of its stratum, so that codes
                of clusters may repeat between strata. Strata of one cluster are put together.

        Raises:
            OptionError: A column is missing, a weight is missing, negative or not finite, all weights are zero, or a
                worker is in several clusters or strata.
        """
        weight = _weights(panel, weights)
        unit = _of_worker(panel, cluster)
        if strata is None:
            return cls(weight, compact(unit.rle_id().to_numpy()) if cluster == WORKER else _numbers(unit), None)
        stratum = _of_worker(panel, strata)
        both = _numbers(pl.select(pl.concat_str([stratum, unit], separator="\x1f")).to_series())
        first = np.unique(both, return_index=True)[1]
        return cls(weight, both, _with_companions(_numbers(stratum)[first], strata))


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


def _weights(panel: Panel, weights: str) -> Numbers:
    if weights == NONE:
        return np.broadcast_to(1.0, len(panel))  # takes no memory
    if weights == SAMPLING and panel.weight_kind != SAMPLING:
        raise OptionError(f"the weights of the panel are of kind {panel.weight_kind}: it has no sampling weights")
    name = "weight" if weights == SAMPLING else weights
    column = column_of(panel, name, "weights")
    if not column.dtype.is_numeric():
        raise OptionError(f"the column {name!r} does not hold numbers: it cannot be a weight")
    if column.null_count():
        raise OptionError(f"the weight {name!r} is missing in {column.null_count():,} of {len(panel):,} records")
    values = column.cast(pl.Float64).to_numpy()
    bad = int((~np.isfinite(values) | (values < 0)).sum())
    if bad:
        raise OptionError(f"the weight {name!r} is negative or not finite in {bad:,} of {len(panel):,} records")
    if not values.any():
        raise OptionError(f"the weight {name!r} is zero in every record: nothing is left to average")
    return values


def _of_worker(panel: Panel, name: str) -> pl.Series:
    """The text of a column that is the same in all records of a worker; the worker's own where it is missing."""
    column_of(panel, name, "clusters or strata")
    if name == WORKER:
        return panel.records[WORKER]
    several = panel.records.group_by("worker").agg(pl.col(name).drop_nulls().n_unique() > 1)[name].sum()
    if several:
        raise OptionError(f"the column {name!r} differs between records of {several:,} workers: they are drawn whole")
    known = panel.records.select(pl.col(name).drop_nulls().first().over("worker").cast(pl.String)).to_series()
    itself = pl.lit("\x1f") + pl.col("worker").cast(pl.String)  # no value of a column begins so
    return panel.records.select(pl.coalesce(known.alias("known"), itself)).to_series()


def _numbers(values: pl.Series) -> Indices:
    """Numbers 0, 1, ... in the order in which values first occur, (n,)."""
    known = values.unique(maintain_order=True)
    return compact(values.replace_strict(known, range(len(known)), return_dtype=pl.Int32).to_numpy())


def _with_companions(stratum: Indices, name: str) -> Indices:
    """Strata of one cluster become one stratum, as nothing varies within one cluster (collapsed strata, Wolter 2007);
    a single such stratum joins the smallest of the others."""
    size = np.bincount(stratum)
    single = np.flatnonzero(size == 1)
    if len(size) - len(single) == 0 and len(single) < 2:
        raise OptionError(f"the column {name!r} has one stratum of one cluster: nothing varies within it")
    if len(single) == 1:
        smallest = int(np.argmin(np.where(size > 1, size, size.max() + 1)))
        stratum = np.where(stratum == single[0], smallest, stratum)
    elif len(single):
        stratum = np.where(np.isin(stratum, single), single[0], stratum)
    return np.unique(stratum, return_inverse=True)[1].astype(np.intp)
