"""Groups of records to evaluate by: what happened, who the worker is, how long the career so far, any column.

by = ["transition", "gender*education", "history"]
groups = group_records(columns_of(panel, history, by), by, len(panel))
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from itertools import count, product

import numpy as np
import polars as pl

from laborllm.errors import OptionError
from laborllm.evaluation.arrays import Bools, Indices, compact
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
class Levels:
    """The levels of a partition.

    Attributes:
        name: Of the group that they are of.
        levels: Their names, in order.
        values: Those of them that are named by what the panel holds, so that the name says that somebody has it.
    """

    name: str
    levels: tuple[str, ...]
    values: frozenset[str]

    def shown_levels(self, hidden: Bools) -> tuple[str, ...]:
        """The names of the levels; of those hidden, (L,), a number where the name is a value that few may have."""
        number = count(1)
        return tuple(
            f"{WITHHELD} {next(number)}" if is_hidden and level in self.values else level
            for level, is_hidden in zip(self.levels, hidden, strict=True)
        )


@dataclass(frozen=True)
class Group(Levels):
    """A partition of n records. level: the place in `levels` of each record's, (n,)."""

    level: Indices

    @property
    def names(self) -> Levels:
        """The levels without the records."""
        return Levels(self.name, self.levels, self.values)


def columns_of(panel: Panel, history: History, by: Iterable[str]) -> pl.DataFrame:
    """What groups are made of: a column for each name in `by` and for each part of a crossing.

    Args:
        panel: Of n records.
        history: Of the same records.
        by: Names of groups, as `group_records` takes them.

    Returns:
        n rows.

    Raises:
        OptionError: A name is unknown, or comes twice.
    """
    names = list(by)
    if len(set(names)) < len(names):
        raise OptionError(f"a group is named twice in {', '.join(names)}")
    parts = dict.fromkeys(part for name in names for part in _parts(name))
    return pl.DataFrame([_column(panel, history, part).alias(part) for part in parts])


def group_records(columns: pl.DataFrame, by: Iterable[str], records: int) -> list[Group]:
    """All records as one group, then a group for each name in `by`.

    Args:
        columns: What the groups are made of, as `columns_of` gives it.
        by: Names of groups. "transition": first, stay, move. "history": records seen. "decade". "origin" and
            "destination": the taxonomy's group of the occupation before, and of the record's own. Any column of the
            panel: text and whole numbers by value, other numbers and those of many values by fifths. "a*b" crosses.
        records: How many there are.

    Raises:
        OptionError: A group has more than a hundred levels.
    """
    everything = Group(ALL, (ALL,), frozenset(), np.zeros(records, dtype=np.int8))
    return [everything, *(_crossed(columns, name) for name in by)]


def margins_of(columns: pl.DataFrame, by: Iterable[str]) -> list[Group]:
    """The groups that are crossed and not asked for by themselves: another evaluation may show them.

    Args:
        columns: What the groups are made of, as `columns_of` gives it.
        by: Names of groups, as `group_records` takes them.
    """
    names = list(by)
    parts = dict.fromkeys(part for name in names if "*" in name for part in _parts(name))
    return [_group(columns[part]) for part in parts if part not in names]


def _parts(name: str) -> list[str]:
    """What a group crosses, or its own name."""
    return [part.strip() for part in name.split("*")]


def _crossed(columns: pl.DataFrame, name: str) -> Group:
    parts = [_group(columns[part]) for part in _parts(name)]
    if len(parts) == 1:
        return parts[0]
    level = np.ravel_multi_index([part.level for part in parts], [len(part.levels) for part in parts])
    crossed = list(product(*(part.levels for part in parts)))
    of_values = [any(one in part.values for one, part in zip(each, parts, strict=True)) for each in crossed]
    levels = [", ".join(each) for each in crossed]
    values = {each for each, is_value in zip(levels, of_values, strict=True) if is_value}
    return _without_empty(name, levels, np.asarray(level, dtype=np.intp), values)


def _column(panel: Panel, history: History, name: str) -> pl.Series:
    """One of the columns, (n,): what is made of histories has its levels in order, and text takes four bytes."""
    if name == "transition":
        return history.kind.cast(pl.Enum(KINDS))
    if name == "history":
        return _in_levels(SEEN, np.searchsorted(list(SEEN.values()), history.position, "right") - 1)
    if name in ("origin", "destination"):
        groups = (*panel.taxonomy.groups, FIRST)
        levels = list(dict.fromkeys(groups))
        place = np.array([levels.index(group) for group in groups])
        return _in_levels(levels, place[history.previous if name == "origin" else history.occupation])
    if name == "decade":
        return panel.records["year"] // 10 * 10
    known = [column for column in panel.records.columns if column != "worker"]
    if name not in known:
        names = ", ".join([*DERIVED, *known])
        raise OptionError(f"unknown group {name!r}: use {names}, or a crossing such as gender*education")
    column = panel.records[name]
    return column.cast(pl.Categorical) if column.dtype == pl.String else column


def _in_levels(levels: Iterable[str], place: Indices) -> pl.Series:
    names = list(levels)
    return pl.Series(names, dtype=pl.Enum(names)).gather(place)


def _group(values: pl.Series) -> Group:
    """The group that a column makes."""
    name, kind = values.name, values.dtype
    if name == "decade":
        return _by_value(values, "{}s")
    if name in DERIVED and isinstance(kind, pl.Enum):
        return _without_empty(name, kind.categories, values.to_physical().to_numpy())
    if kind.is_float() or (kind.is_integer() and values.n_unique() > MOST_LEVELS):
        return _by_fifths(values)
    return _by_value(values)


def _by_value(values: pl.Series, shown: str = "{}") -> Group:
    name = values.name
    found = values.drop_nulls().unique().sort().to_list()
    if len(found) > MOST_LEVELS:
        raise OptionError(f"the column {name!r} has {len(found):,} values: a group has {MOST_LEVELS} levels at most")
    level = values.replace_strict(found, range(len(found)), default=len(found), return_dtype=pl.Int16).to_numpy()
    names = [shown.format(value) for value in found]
    return _without_empty(name, (*names, UNKNOWN), level, set(names) - COMMON_WORDS)


def _by_fifths(values: pl.Series) -> Group:
    """Cut at the quintiles of the records; the bounds are not given, as each may be the value of one worker."""
    name = values.name
    numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    known = np.isfinite(numbers)
    if not known.any():
        raise OptionError(f"the column {name!r} holds no numbers to group by")
    edges = np.quantile(numbers[known], np.arange(1, 5) / 5)
    level = np.where(known, np.searchsorted(edges, numbers, "left"), len(FIFTHS))
    return _without_empty(name, (*FIFTHS, UNKNOWN), level.astype(np.intp))


def _without_empty(name: str, levels: Iterable[str], level: Indices, values: Set[str] = frozenset()) -> Group:
    """The levels that occur."""
    names, occurring = list(levels), np.unique(level)
    place = np.zeros(len(names), dtype=np.int64)
    place[occurring] = np.arange(len(occurring))
    return Group(name, tuple(names[at] for at in occurring), frozenset(values), compact(place)[level])
