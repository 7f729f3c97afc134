"""Groups of records to evaluate by: what happened, who the worker is, how long the career so far, any column.

groups = group_records(panel, history, ["transition", "gender*education", "history"])
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from itertools import count, product

import numpy as np
import polars as pl

from laborllm.errors import OptionError
from laborllm.evaluation.arrays import Bools, Indices, compact
from laborllm.evaluation.bootstrap import Partition
from laborllm.panel import Panel
from laborllm.panel.history import KINDS, History
from laborllm.sources.spellings import WORDS

ALL, UNKNOWN, FIRST = "all", "unknown", "first record"
DERIVED = ("transition", "history", "decade", "origin", "destination")
"""Groups that are made of histories and occupations; any other is a column."""

SEEN = {"0": 0, "1": 1, "2": 2, "3 to 5": 3, "6 to 10": 6, "11 or more": 11}
"""Bins of the records seen before a record, and the least number in each."""

FIFTHS = ("lowest fifth", "second fifth", "third fifth", "fourth fifth", "highest fifth")
MOST_LEVELS = 100
WITHHELD = "withheld"  # in place of the name of a level

COMMON_WORDS = frozenset(word for words in WORDS.values() for word in words)
"""What the panels call their levels of education, genders and so on: that there is such a level tells nothing."""


@dataclass(frozen=True)
class Group:
    """A partition of n records.

    Attributes:
        name: Of the group.
        levels: Their names, in order.
        level: The place in `levels` of each record's, (n,).
        values: Those of the levels that are named by what the panel holds, so that the name says that somebody has it.
    """

    name: str
    levels: tuple[str, ...]
    level: Indices
    values: frozenset[str] = frozenset()

    def shown_levels(self, hidden: Bools) -> tuple[str, ...]:
        """The names of the levels; of those hidden, (L,), a number where the name is a value that few may have."""
        number = count(1)
        return tuple(
            f"{WITHHELD} {next(number)}" if is_hidden and level in self.values else level
            for level, is_hidden in zip(self.levels, hidden, strict=True)
        )

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


def margins_of(panel: Panel, history: History, by: Iterable[str]) -> list[Group]:
    """The groups that are crossed and not asked for by themselves: another evaluation may show them.

    Args:
        panel: Of n records.
        history: Of the same records.
        by: Names of groups, as `group_records` takes them.
    """
    names = list(by)
    parts = dict.fromkeys(part.strip() for name in names if "*" in name for part in name.split("*"))
    return [_group(panel, history, part) for part in parts if part not in names]


def _crossed(panel: Panel, history: History, name: str) -> Group:
    parts = [_group(panel, history, part.strip()) for part in name.split("*")]
    if len(parts) == 1:
        return parts[0]
    level = np.ravel_multi_index([part.level for part in parts], [len(part.levels) for part in parts])
    crossed = list(product(*(part.levels for part in parts)))
    of_values = [any(one in part.values for one, part in zip(each, parts, strict=True)) for each in crossed]
    levels = [", ".join(each) for each in crossed]
    values = {each for each, is_value in zip(levels, of_values, strict=True) if is_value}
    return _without_empty(name, levels, np.asarray(level, dtype=np.intp), values)


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
    names = [shown.format(value) for value in found]
    return _without_empty(name, (*names, UNKNOWN), level, set(names) - COMMON_WORDS)


def _by_fifths(name: str, values: pl.Series) -> Group:
    """Cut at the quintiles of the records; the bounds are not given, as each may be the value of one worker."""
    numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    known = np.isfinite(numbers)
    if not known.any():
        raise OptionError(f"the column {name!r} holds no numbers to group by")
    edges = np.quantile(numbers[known], np.arange(1, 5) / 5)
    level = np.where(known, np.searchsorted(edges, numbers, "left"), len(FIFTHS))
    return _without_empty(name, (*FIFTHS, UNKNOWN), level.astype(np.intp))


def _without_empty(name: str, levels: Iterable[str], level: Indices, values: Set[str] = frozenset()) -> Group:
    """The levels that occur."""
    occurring, place = np.unique(level, return_inverse=True)
    names = list(levels)
    return Group(name, tuple(names[at] for at in occurring), compact(place.ravel()), frozenset(values))
