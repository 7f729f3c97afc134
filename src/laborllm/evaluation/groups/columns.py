"""What groups are made of: columns of the panel, and columns that histories and occupations give."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from laborllm.errors import OptionError
from laborllm.evaluation.arrays import Indices
from laborllm.panel import Panel
from laborllm.panel.history import KINDS, History

FIRST = "first record"
DERIVED = ("transition", "history", "decade", "origin", "destination")
"""Groups that are made of histories and occupations; any other is a column."""

SEEN = {"0": 0, "1": 1, "2": 2, "3 to 5": 3, "6 to 10": 6, "11 or more": 11}
"""Bins of the records seen before a record, and the least number in each."""


def columns_of(panel: Panel, history: History, by: Iterable[str]) -> pl.DataFrame:
    """A column for each name in `by` and for each part of a crossing.

    Args:
        panel: Of n records.
        history: Of the same records.
        by: Names of groups: "transition" (first, stay, move), "history" (records seen), "decade", "origin" and
            "destination" (the taxonomy's group of the occupation before, and of the record's own), any column of the
            panel, and crossings such as "gender*education".

    Returns:
        n rows; no rows where there are no names.

    Raises:
        OptionError: A name is unknown, or comes twice.
    """
    names = list(by)
    if len(set(names)) < len(names):
        raise OptionError(f"a group is named twice in {', '.join(names)}")
    parts = dict.fromkeys(part for name in names for part in parts_of(name))
    return pl.DataFrame([_column(panel, history, part).alias(part) for part in parts])


def parts_of(name: str) -> list[str]:
    """What a group crosses, or its own name."""
    return [part.strip() for part in name.split("*")]


def _column(panel: Panel, history: History, name: str) -> pl.Series:
    """One of the columns, (n,): what is made of histories has its levels in order."""
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
    return panel.records[name]


def _in_levels(levels: Iterable[str], place: Indices) -> pl.Series:
    names = list(levels)
    return pl.Series(names, dtype=pl.Enum(names)).gather(place)
