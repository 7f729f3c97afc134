"""Groups of records to evaluate by: what happened, who the worker is, how long the career so far, any column.

groups = group_records(panel, history, ["transition", "gender*education", "history"])
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl

from laborllm.errors import OptionError
from laborllm.evaluation.arrays import Indices, compact
from laborllm.evaluation.bootstrap import Partition
from laborllm.panel import Panel
from laborllm.panel.history import KINDS, History

ALL, UNKNOWN, FIRST = "all", "unknown", "first record"
DERIVED = ("transition", "history", "decade", "origin", "destination")
"""Groups that are made of histories and occupations; any other is a column."""

SEEN = {"0": 0, "1": 1, "2": 2, "3 to 5": 3, "6 to 10": 6, "11 or more": 11}
"""Bins of the records seen before a record, and the least number in each."""

FIFTHS = ("lowest fifth", "second fifth", "third fifth", "fourth fifth", "highest fifth")
MOST_LEVELS = 100


@dataclass(frozen=True)
class Group:
    """A partition of n records. levels: their names, in order. level: (n,) the place in `levels` of each record's."""

    name: str
    levels: tuple[str, ...]
    level: Indices

    @property
    def partition(self) -> Partition:
        """The levels as cells of the records."""
        return Partition(self.level, len(self.levels))


def group_records(panel: Panel, history: History, by: Iterable[str]) -> list[Group]:
    """All records as one group, then a group for each name in `by`.

    Args:
        panel: Of n records.
        history: Of the same records.
        by: Names of groups. "transition": first, stay, move. "history": records seen. "decade". "origin" and
            "destination": the taxonomy's group of the occupation before, and of the record's own. Any column of the
            panel: text and whole numbers by value, other numbers and those of many values by fifths. "a*b" crosses.

    Raises:
        OptionError: A name is unknown, comes twice, or has more than a hundred levels.
    """
    names = list(by)
    if len(set(names)) < len(names):
        raise OptionError(f"a group is named twice in {', '.join(names)}")
    everything = Group(ALL, (ALL,), np.zeros(len(panel), dtype=np.int8))
    return [everything, *(_crossed(panel, history, name) for name in names)]


def _crossed(panel: Panel, history: History, name: str) -> Group:
    parts = [_group(panel, history, part.strip()) for part in name.split("*")]
    if len(parts) == 1:
        return parts[0]
    level = np.ravel_multi_index([part.level for part in parts], [len(part.levels) for part in parts])
    levels = [", ".join(each) for each in product(*(part.levels for part in parts))]
    return _without_empty(name, levels, np.asarray(level, dtype=np.intp))


def _group(panel: Panel, history: History, name: str) -> Group:
    if name == "transition":
        return _without_empty(name, KINDS, history.kind.cast(pl.Enum(KINDS)).to_physical().to_numpy())
    if name == "history":
        bins = np.searchsorted(list(SEEN.values()), history.position, "right") - 1
        return _without_empty(name, tuple(SEEN), bins.astype(np.intp))
    if name == "origin":
        return _by_occupation(name, panel, history.previous)
    if name == "destination":
        return _by_occupation(name, panel, history.occupation)
    if name == "decade":
        return _by_value(name, panel.records.select(pl.col("year") // 10 * 10).to_series(), "{}s")
    return _by_column(name, panel)


def _by_occupation(name: str, panel: Panel, columns: Indices) -> Group:
    """The taxonomy's group of each of n columns, J for none."""
    groups = (*panel.taxonomy.groups, FIRST)
    levels = tuple(dict.fromkeys(groups))
    place = np.array([levels.index(group) for group in groups], dtype=np.intp)
    return _without_empty(name, levels, place[columns])


def _by_column(name: str, panel: Panel) -> Group:
    columns = [column for column in panel.records.columns if column != "worker"]
    if name not in columns:
        known = [*DERIVED, *columns]
        raise OptionError(f"unknown group {name!r}: use {', '.join(known)}, or a crossing such as gender*education")
    values = panel.records[name]
    if values.dtype.is_float() or (values.dtype.is_integer() and values.n_unique() > MOST_LEVELS):
        return _by_fifths(name, values)
    return _by_value(name, values)


def _by_value(name: str, values: pl.Series, shown: str = "{}") -> Group:
    found = values.drop_nulls().unique().sort().to_list()
    if len(found) > MOST_LEVELS:
        raise OptionError(f"the column {name!r} has {len(found):,} values: a group has {MOST_LEVELS} levels at most")
    level = values.replace_strict(found, range(len(found)), default=len(found), return_dtype=pl.Int16).to_numpy()
    return _without_empty(name, (*(shown.format(value) for value in found), UNKNOWN), level)


def _by_fifths(name: str, values: pl.Series) -> Group:
    """Cut at the quintiles of the records; the bounds are not given, as each may be the value of one worker."""
    numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    known = np.isfinite(numbers)
    if not known.any():
        raise OptionError(f"the column {name!r} holds no numbers to group by")
    edges = np.quantile(numbers[known], np.arange(1, 5) / 5)
    level = np.where(known, np.searchsorted(edges, numbers, "left"), len(FIFTHS))
    return _without_empty(name, (*FIFTHS, UNKNOWN), level.astype(np.intp))


def _without_empty(name: str, levels: Iterable[str], level: Indices) -> Group:
    """The levels that occur."""
    occurring, place = np.unique(level, return_inverse=True)
    names = list(levels)
    return Group(name, tuple(names[at] for at in occurring), compact(place.ravel()))
