"""Partitions of records into levels, found in one pass through what they are made of, and applied in another.

everyone, *groups = partitions_of(columns, ["transition", "gender*education", "history"])
level = groups[0].level_of(part)  # of the records of one part of the columns
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from itertools import compress, count, product

import numpy as np
import polars as pl

from laborllm.evaluation.arrays import Bools, Indices, compact
from laborllm.evaluation.groups.columns import parts_of
from laborllm.evaluation.groups.divisions import Division, divide

ALL = "all"
WITHHELD = "withheld"  # in place of the name of a level


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
    values: Set[str]

    def shown_levels(self, hidden: Bools) -> tuple[str, ...]:
        """The names of the levels; of those hidden, (L,), a number where the name is a value that few may have."""
        number = count(1)
        return tuple(
            f"{WITHHELD} {next(number)}" if is_hidden and level in self.values else level
            for level, is_hidden in zip(self.levels, hidden, strict=True)
        )


@dataclass(frozen=True)
class Partition:
    """A division of records by one column, or by several that are crossed; by none, all records are in one level.

    Attributes:
        levels: Those that occur.
        divisions: Of the columns that are crossed.
        place: Among the levels, of each crossing of levels of the columns; nothing where it does not occur.
    """

    levels: Levels
    divisions: Sequence[Division]
    place: Indices

    def level_of(self, columns: pl.DataFrame, records: int) -> Indices:
        """The place in `levels` of each record, (n,).

        Args:
            columns: What the groups are made of, of the records, as `columns_of` gives it.
            records: How many there are, n.
        """
        return self.place[_crossing(self.divisions, columns, records)]


def partitions_of(columns: Iterable[pl.DataFrame], by: Iterable[str]) -> list[Partition]:
    """All records as one level, then a partition for each name in `by`.

    Args:
        columns: What the groups are made of, as `columns_of` gives it, of some records at a time; gone through several
            times.
        by: Names of groups, as `columns_of` takes them.

    Raises:
        OptionError: A column has more than a hundred values, or no numbers to cut.
    """
    everyone = Partition(Levels(ALL, (ALL,), frozenset()), (), np.zeros(1, dtype=np.int8))
    return [everyone, *_found(columns, list(by))]


def margins_of(columns: Iterable[pl.DataFrame], by: Iterable[str]) -> list[Partition]:
    """The groups that are crossed and not asked for by themselves: another evaluation may show them.

    Args:
        columns: What the groups are made of, as for `partitions_of`.
        by: Names of groups, as `columns_of` takes them.
    """
    names = list(by)
    parts = dict.fromkeys(part for name in names if "*" in name for part in parts_of(name))
    return _found(columns, [part for part in parts if part not in names])


def _found(columns: Iterable[pl.DataFrame], names: Sequence[str]) -> list[Partition]:
    """A partition for each name, of the crossings that occur in the columns."""
    parts = dict.fromkeys(part for name in names for part in parts_of(name))
    divisions = {part: divide(columns, part) for part in parts}
    crossed = [[divisions[part] for part in parts_of(name)] for name in names]
    occurs = [np.zeros(_size(each), dtype=bool) for each in crossed]
    for part in columns if names else ():
        for each, occurring in zip(crossed, occurs, strict=True):
            occurring[_crossing(each, part, part.height)] = True
    return [_occurring(*each) for each in zip(names, crossed, occurs, strict=True)]


def _occurring(name: str, divisions: Sequence[Division], occurs: Bools) -> Partition:
    """The partition by the crossings that occur, in the order of their numbers."""
    crossings = list(compress(product(*(part.levels for part in divisions)), occurs))
    of_values = [any(one in part.values for one, part in zip(each, divisions, strict=True)) for each in crossings]
    levels = tuple(", ".join(each) for each in crossings)
    values = frozenset(level for level, is_value in zip(levels, of_values, strict=True) if is_value)
    return Partition(Levels(name, levels, values), divisions, compact(np.cumsum(occurs) - 1))


def _size(divisions: Sequence[Division]) -> int:
    """How many crossings of levels there may be."""
    return int(np.prod([len(each.levels) for each in divisions]))


def _crossing(divisions: Sequence[Division], columns: pl.DataFrame, records: int) -> Indices:
    """The crossing of levels of each record as a number, (n,)."""
    if not divisions:
        return np.zeros(records, dtype=np.int8)
    places = [each.place_of(columns[each.name]) for each in divisions]
    return np.ravel_multi_index(places, [len(each.levels) for each in divisions])
