"""The past of a synthetic record, as its data-generating process uses it: jobs, and years spent in one.

`laborllm.panel.history` is what models know of a career; this is what careers are drawn from, year by year.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.panel.order import first_records

Columns = NDArray[np.intp]


@dataclass(frozen=True)
class History:
    """What a data-generating process knows of the past of n records, a value each, (n,).

    Attributes:
        previous: Column of the occupation before; J where there is none.
        job: Of the last occupation that was no state; J where there is none.
        former: Of the occupation before that one; J where there is none.
        gap: Years since the record before; zero at a first record.
        tenure: Years that the previous occupation had lasted by then; zero at a first record.
    """

    previous: Columns
    job: Columns
    former: Columns
    gap: Columns
    tenure: Columns

    @classmethod
    def of(cls, records: pl.DataFrame, occupations: Columns, is_state: NDArray[np.bool_]) -> Self:
        """The histories of records whose occupations are known.

        Args:
            records: (n,) rows, sorted by worker and year.
            occupations: The column of each record's occupation, (n,).
            is_state: Whether each occupation of the taxonomy is a state, (J,).

        Returns:
            A value per record.
        """
        history = cls.before(records, len(is_state))
        for position, rows in enumerate(by_position(records)):
            if position:
                history.extend(rows, occupations, is_state)
        return history

    @classmethod
    def before(cls, records: pl.DataFrame, none: int) -> Self:
        """What is known of the histories before any occupation is: the gaps.

        Args:
            records: (n,) rows, sorted by worker and year.
            none: J, in place of a column.

        Returns:
            A value per record.
        """
        years = records["year"].cast(pl.Int64).to_numpy()
        first = first_records(records)
        gap = np.where(first, 0, np.diff(years, prepend=years[:1])).astype(np.intp)
        previous, job, former = np.full((3, len(years)), none, np.intp)
        return cls(previous, job, former, gap, np.zeros(len(years), np.intp))

    def extend(self, rows: Columns, occupations: Columns, is_state: NDArray[np.bool_]) -> None:
        """Fill in the histories of some records, in place.

        Args:
            rows: These records; everything is known of the records right above them, which are those before.
            occupations: The column of each record's occupation, (n,), as far as known.
            is_state: Whether each occupation of the taxonomy is a state, (J,).
        """
        before = rows - 1
        occupation, job = occupations[before], self.job[before]
        changes = ~is_state[occupation] & (occupation != job)
        self.previous[rows] = occupation
        self.job[rows] = np.where(changes, occupation, job)
        self.former[rows] = np.where(changes, job, self.former[before])
        lasts = occupation == self.previous[before]
        self.tenure[rows] = np.where(lasts, self.tenure[before] + self.gap[before], 0)

    def at(self, rows: Columns | slice) -> Self:
        """The histories of some records."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))


def by_position(records: pl.DataFrame) -> Iterator[Columns]:
    """The rows of all first records, then of all second ones, and so on."""
    starts = np.flatnonzero(first_records(records))
    lengths = np.diff(starts, append=records.height)
    for position in range(lengths.max()):
        yield starts[lengths > position] + position
