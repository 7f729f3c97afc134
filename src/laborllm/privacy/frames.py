"""Withholding in data frames: cells that columns name, and tables of disjoint cells."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.privacy.counts import CellCounts
from laborllm.privacy.rules import SMALLEST_CELL
from laborllm.privacy.suppression import withheld_cells

Indices = NDArray[np.intp]
CELL = "_cell"


@dataclass
class CellTable:
    """A table of cells and its totals, counted some careers at a time.

    Attributes:
        partitions: The columns whose values together name a cell, none for all records; a record with a missing value
            is in none. Totals that are known elsewhere come first, for the last ones are given up first to protect
            others; the very last ones are the table.

    Examples:
        >>> records = pl.DataFrame({"worker": [*range(40)], "state": ["at work"] * 37 + ["away"] * 3})
        >>> table = CellTable(([], ["state"]))
        >>> table.add(records)
        >>> len(table.shown())
        0
    """

    partitions: Sequence[Sequence[str]]
    _names: list[pl.DataFrame | None] = field(init=False)
    _counts: CellCounts = field(init=False)

    def __post_init__(self) -> None:
        self._names = [None] * len(self.partitions)
        self._counts = CellCounts(len(self.partitions))

    def add(self, records: pl.DataFrame) -> None:
        """Count the records of workers who have none elsewhere: a column worker, and those that make up cells."""
        if not records.is_empty():
            worker = records["worker"].rank("dense").to_numpy().astype(np.intp) - 1
            self._counts.add([self._cells(at, records) for at in range(len(self.partitions))], worker)

    def shown(self) -> pl.DataFrame:
        """The cells of the last partition that may be shown, whose totals may be too: their names, workers, records."""
        *_, last = self.partitions
        names = self._names[-1]
        if names is None:
            return pl.DataFrame(
                schema=dict.fromkeys(last, pl.String()) | dict.fromkeys(("workers", "records"), pl.Int64())
            )
        hidden = withheld_cells(self._counts, range(len(self.partitions)))
        atoms = self._counts.atoms
        in_hidden = np.any([np.append(mask, False)[cell] for mask, cell in zip(hidden, atoms.T, strict=True)], axis=0)
        kept = np.unique(atoms[~in_hidden & (atoms[:, -1] >= 0), -1])
        people = self._counts.people[self._counts.starts[-1] :]
        found = names.with_columns(workers=pl.Series(people, dtype=pl.Int64))
        return found.filter(pl.col(CELL).is_in(kept)).select(*last, "workers", "records")

    def records(self, at: int) -> pl.DataFrame:
        """How many records each cell of partition `at` has, shown or not: its names, records."""
        names = self._names[at]
        kinds = dict.fromkeys(self.partitions[at], pl.String()) | {"records": pl.Int64()}
        return pl.DataFrame(schema=kinds) if names is None else names.drop(CELL)

    def _cells(self, at: int, records: pl.DataFrame) -> Indices:
        """The cell of each record in a partition as numbers 0, 1, ...; -1 where a value is missing."""
        names = list(self.partitions[at])
        if not names:
            self._names[at] = pl.DataFrame({CELL: [0], "records": [records.height]})
            return np.zeros(records.height, dtype=np.intp)
        found = records.select(names).drop_nulls().group_by(names, maintain_order=True).len("records")
        known = self._names[at]
        both = found if known is None else pl.concat([known.drop(CELL), found])
        both = both.group_by(names, maintain_order=True).agg(pl.col("records").sum())
        self._names[at] = cells = both.with_row_index(CELL)
        place = records.select(names).join(cells, on=names, how="left", maintain_order="left")[CELL]
        return np.asarray(place.cast(pl.Int64).fill_null(-1).to_numpy(), dtype=np.intp)


def withhold_counts(cells: pl.DataFrame, within: Sequence[str] = ()) -> pl.DataFrame:
    """The rows of a table of disjoint cells that may be shown where the totals of `within` are known.

    Args:
        cells: One row per cell, with a column workers.
        within: Columns whose values name the totals; none: the whole table has one total.

    Returns:
        The rows kept, in their order. Where the rows left out of a total hold fewer than `SMALLEST_CELL` workers
        together, or are a single one, the next smallest go with them.
    """
    size = pl.col("workers")
    total = [pl.col(name) for name in within] or [pl.lit(0)]
    ordered = cells.with_row_index("_row").sort("workers", "_row")
    small = size < SMALLEST_CELL
    counted = ordered.with_columns(
        _any=small.any().over(total),
        _before=(size.cum_sum() - size).over(total),
        _place=pl.int_range(pl.len()).over(total),
    )
    more = pl.col("_any") & ((pl.col("_before") < SMALLEST_CELL) | (pl.col("_place") < 2))
    return counted.filter(~(small | more)).sort("_row").select(cells.columns)
