"""How one column divides records: by its values, or into fifths where it holds numbers of many values."""

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass

import numpy as np
import polars as pl

from laborllm.errors import OptionError
from laborllm.evaluation.arrays import Indices, Numbers
from laborllm.evaluation.groups.columns import DERIVED
from laborllm.evaluation.scores.quantiles import quantiles
from laborllm.sources.spellings import WORDS

UNKNOWN = "unknown"
FIFTHS = ("lowest fifth", "second fifth", "third fifth", "fourth fifth", "highest fifth")
MOST_LEVELS = 100

COMMON_WORDS = frozenset(word for words in WORDS.values() for word in words)
"""What the panels call their levels of education, genders and so on: that there is such a level tells nothing."""


@dataclass(frozen=True)
class Division:
    """The division of records by a column.

    Attributes:
        name: Of the column.
        levels: The names of all levels that there may be, in order.
        values: Those of them that are named by what the panel holds.
        place_of: The place in `levels` of each value of some of the column, (n,).
    """

    name: str
    levels: tuple[str, ...]
    values: Set[str]
    place_of: Callable[[pl.Series], Indices]


def divide(columns: Iterable[pl.DataFrame], name: str) -> Division:
    """The division by a column: text and whole numbers by value, other numbers and those of many values by fifths.

    Args:
        columns: Some records of the column at a time; gone through several times.
        name: Of the column.

    Raises:
        OptionError: It has more than a hundred values, or no numbers to cut.
    """
    kind = next(iter(columns))[name].dtype
    if name in DERIVED and isinstance(kind, pl.Enum):
        return Division(name, tuple(kind.categories), frozenset(), lambda values: values.to_physical().to_numpy())
    found = None if kind.is_float() else _values(columns, name)
    if found is not None:
        return _by_value(name, found)
    if kind.is_numeric():
        return _by_fifths(name, columns)
    raise OptionError(f"the column {name!r} has more than {MOST_LEVELS} values, the most levels that a group can have")


def _values(columns: Iterable[pl.DataFrame], name: str) -> list[object] | None:
    """The values of a column, in order; None if there are too many of them."""
    found = next(iter(columns))[name].clear()
    for part in columns:
        found = pl.concat([found, part[name].drop_nulls().unique()]).unique()
        if len(found) > MOST_LEVELS:
            return None
    return found.sort().to_list()


def _by_value(name: str, found: list[object]) -> Division:
    """A level for each value; one that reads "unknown" is of the level of what is missing."""
    known = [value for value in found if value != UNKNOWN]
    shown = "{}s" if name == "decade" else "{}"
    names = tuple(shown.format(value) for value in known)

    def place_of(values: pl.Series) -> Indices:
        return values.replace_strict(known, range(len(known)), default=len(known), return_dtype=pl.Int16).to_numpy()

    return Division(name, (*names, UNKNOWN), frozenset(names) - COMMON_WORDS, place_of)


def _by_fifths(name: str, columns: Iterable[pl.DataFrame]) -> Division:
    """Cut at the quintiles of the records; the bounds are not given, as each may be the value of one worker."""
    edges = quantiles((_numbers(part[name]) for part in columns), np.arange(1, 5) / 5)
    if edges is None:
        raise OptionError(f"the column {name!r} holds no numbers to group by")

    def place_of(values: pl.Series) -> Indices:
        numbers = _numbers(values)
        return np.where(np.isfinite(numbers), np.searchsorted(edges, numbers, "left"), len(FIFTHS)).astype(np.intp)

    return Division(name, (*FIFTHS, UNKNOWN), frozenset(), place_of)


def _numbers(values: pl.Series) -> Numbers:
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
