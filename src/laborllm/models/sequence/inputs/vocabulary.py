"""Which index stands for which value of a covariate: what the training careers have, and one for the unknown."""

import json
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.models.runs.seen import CATEGORIES
from laborllm.panel import Panel

YEARS = ("year", "birth_year")

Indexes = NDArray[np.int64]


@dataclass(frozen=True)
class Vocabulary:
    """The values of each covariate in order; the first has index 1.

    Index 0 is a category that is missing or was never seen. A year that was never seen has the index of the nearest
    one, as CAREER (arXiv 2202.08370) forecasts years after its data with the last it knows; a missing one has index 0.
    """

    categories: dict[str, tuple[str, ...]]
    years: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, panel: Panel) -> Self:
        """What the records of `panel` hold."""
        seen = {name: panel.records[name].drop_nulls().unique().sort().to_list() for name in CATEGORIES + YEARS}
        return cls({name: tuple(seen[name]) for name in CATEGORIES}, {name: tuple(seen[name]) for name in YEARS})

    def to_json(self) -> str:
        """All values as JSON, which `from_json` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """A vocabulary from what `to_json` wrote."""
        stored = json.loads(text)
        return cls(**{part: {name: tuple(seen) for name, seen in values.items()} for part, values in stored.items()})

    def size(self, covariate: str) -> int:
        """How many indexes a covariate has, the unknown one included."""
        return 1 + len(self.values(covariate))

    def values(self, covariate: str) -> tuple[str, ...] | tuple[int, ...]:
        """The values of a covariate in order; the first has index 1."""
        return self.categories[covariate] if covariate in self.categories else self.years[covariate]

    def index(self, covariate: str, column: pl.Series) -> Indexes:
        """The index of each of n values.

        Args:
            covariate: Name of the covariate.
            column: Its values, (n,), null where missing.

        Returns:
            (n,) int64.
        """
        if covariate in self.categories:
            known = {value: at for at, value in enumerate(self.categories[covariate], start=1)}
            return column.replace_strict(known, default=0, return_dtype=pl.Int64).to_numpy()
        return _nearest(self.years[covariate], column)


def _nearest(years: tuple[int, ...], column: pl.Series) -> Indexes:
    if not years:
        return np.zeros(len(column), dtype=np.int64)
    known, wanted = np.array(years), column.cast(pl.Int64).fill_null(0).to_numpy()
    above = np.searchsorted(known, wanted).clip(max=len(known) - 1)
    below = (above - 1).clip(min=0)
    nearest = np.where(np.abs(wanted - known[below]) <= np.abs(known[above] - wanted), below, above)
    return np.where(column.is_null().to_numpy(), 0, nearest + 1)
