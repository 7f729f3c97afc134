"""What a career so far says of its next record: the one definition of previous occupation, tenure, gap and position.

A record's history is made of the records before it, so it is known before the record's own occupation is. Where there
is no previous occupation its column is J, the size of the taxonomy.

    history = History.of(panel)
    stays = history.previous == history.occupation
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import PanelError
from laborllm.panel.order import first_records, record_before
from laborllm.panel.panel import Panel

Columns = NDArray[np.signedinteger]
Counts = NDArray[np.signedinteger]

KINDS = ("first", "stay", "move")


@dataclass(frozen=True)
class History:
    """The histories of the n records of a panel, one value each, in its order.

    Attributes:
        occupation: Column of the record's own occupation, (n,); J where the record is open.
        previous: Column of the occupation before, (n,); J at a first record.
        before_previous: Column of the occupation before the previous one, (n,); J where there is none.
        position: Records of the worker before this one, (n,).
        gap: Years since the record before, (n,); 0 at a first record.
        tenure: Length of the unbroken run of records in the previous occupation, (n,), in records; 0 at a first record.
        years_seen: Years since the worker's first record, (n,).
        kind: "first", "stay" or "move", (n,); null where the record is open.
    """

    occupation: Columns
    previous: Columns
    before_previous: Columns
    position: Counts
    gap: Counts
    tenure: Counts
    years_seen: Counts
    kind: pl.Series

    @classmethod
    def of(cls, panel: Panel) -> Self:
        """The histories of all records of `panel`.

        Raises:
            PanelError: The occupation before some record is not known, as that record is open too.
        """
        require_known_past(panel)
        records, none = panel.records, len(panel.taxonomy)
        first = first_records(records)
        occupation = panel.taxonomy.columns(records["occupation"])
        previous = np.where(first, none, record_before(occupation))
        year = records["year"].to_numpy().astype(np.int64)
        run = _rows_since(first | (occupation != record_before(occupation)))
        return cls(
            occupation=occupation,
            previous=previous,
            before_previous=np.where(first, none, record_before(previous)),
            position=_rows_since(first),
            gap=np.where(first, 0, year - record_before(year)),
            tenure=np.where(first, 0, record_before(run) + 1),
            years_seen=year - year[np.maximum.accumulate(np.where(first, np.arange(len(first)), 0))],
            kind=transition_kinds(records),
        )

    @property
    def is_first(self) -> NDArray[np.bool_]:
        """Whether each record is the first of its worker, (n,)."""
        return np.asarray(self.position == 0)


def transition_kinds(records: pl.DataFrame) -> pl.Series:
    """What happens in each record: a career begins ("first"), or the worker stays in the occupation before, or moves.

    Args:
        records: Worker and occupation, n rows sorted by worker and year. The record before may be years earlier.

    Returns:
        The kind of each record, (n,); null where its occupation is.
    """
    occupation = pl.col("occupation")
    later = pl.when(occupation == occupation.shift()).then(pl.lit("stay")).otherwise(pl.lit("move"))
    kind = pl.when(pl.col("first")).then(pl.lit("first")).otherwise(later)
    given = records.with_columns(pl.Series("first", first_records(records)))
    return given.select(pl.when(occupation.is_not_null()).then(kind).alias("kind")).to_series()


def require_known_past(panel: Panel) -> None:
    """Raise `PanelError` if an open record follows another: what came before it is not known yet."""
    occupation = panel.records["occupation"].is_null()
    again = occupation & occupation.shift(1, fill_value=False) & ~pl.Series(first_records(panel.records))
    if again.any():
        raise PanelError(
            f"{again.sum():,} open records follow an open one, so the occupation before them is not known: "
            "forecast one open record of a career at a time"
        )


def _rows_since(mark: NDArray[np.bool_]) -> Counts:
    """How many rows ago the last mark was, (n,), zero at a mark. The first row is marked."""
    row = np.arange(len(mark))
    return np.asarray(row - np.maximum.accumulate(np.where(mark, row, 0)), dtype=np.int64)
