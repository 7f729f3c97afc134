"""What transition frequencies are made of: how often each occupation occurs, begins a career and follows each other.

Thinned counts may be published. Only what ten workers or more have done is counted as it is, and within the records
that follow one occupation no smaller cell can be worked out from their total. All other records that follow an
occupation are spread over the other occupations as all records are, whose counts are multiples of five.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.models.counts.second_order import Steps
from laborllm.models.forecasts.forecast import Floats
from laborllm.panel.history import History
from laborllm.privacy import SMALLEST_CELL, round_counts, withhold_counts

Indexes = NDArray[np.intp]

FLOOR = 0.5  # records added to every occupation, so that nothing is impossible


@dataclass(frozen=True)
class Counted:
    """Counts of n records over J occupations.

    Attributes:
        occupations: How often each occurs, (J,).
        first: How often each begins a career, (J,).
        pairs: How often each (column) follows each (row), (J, J).
        steps: Records after the first of a career, and the two before each.
    """

    occupations: Floats
    first: Floats
    pairs: Floats
    steps: Steps

    @classmethod
    def exactly(cls, seen: History, occupations: int) -> Self:
        """Every record.

        Args:
            seen: The history of n records.
            occupations: J.
        """
        later = ~seen.is_first
        flat = np.bincount(seen.previous[later] * occupations + seen.occupation[later], minlength=occupations**2)
        return cls(
            np.bincount(seen.occupation, minlength=occupations).astype(float),
            np.bincount(seen.occupation[seen.is_first], minlength=occupations).astype(float),
            flat.reshape(occupations, occupations).astype(float),
            later_steps(seen),
        )

    @classmethod
    def thinned(cls, seen: History, worker: Indexes, occupations: int) -> Self:
        """What may be published of the records.

        Args:
            seen: Their histories.
            worker: The worker of each as numbers, (n,).
            occupations: J.
        """
        records = pl.DataFrame(
            {
                "worker": worker,
                "before": seen.before_previous,
                "origin": seen.previous,
                "code": seen.occupation,
                "first": seen.is_first,
            }
        )
        every = _spread_rest(round_counts(_kept(records, ["code"]), "records"), len(records), np.ones(occupations))
        starts = records.filter("first")
        first = _spread_rest(_kept(starts, ["code"]), len(starts), every)
        later = records.filter(~pl.col("first"))
        return cls(every, first, _thinned_pairs(later, every), _thinned_steps(later))


def later_steps(history: History) -> Steps:
    """All records but the first of each career."""
    later = ~history.is_first
    return Steps(history.before_previous[later], history.previous[later], history.occupation[later])


def _thinned_pairs(later: pl.DataFrame, every: Floats) -> Floats:
    """(J, J) counts of records that have one before them; of origins of too few workers none."""
    size = pl.col("worker").n_unique().over("origin")
    known = later.filter(size >= SMALLEST_CELL)
    kept = _kept(known, ["origin", "code"], within=["origin"])
    stays = int((known["origin"] == known["code"]).sum()) / max(len(known), 1)
    pairs = np.zeros((len(every), len(every)))
    for (origin,), row in known.group_by("origin"):
        like = every / every.sum() * (1 - stays)
        like[origin] = stays
        pairs[origin] = _spread_rest(kept.filter(origin=origin), len(row), like)
    return pairs


def _thinned_steps(later: pl.DataFrame) -> Steps:
    """The records whose last two occupations and own one enough workers have had in a row."""
    kept = _kept(later, ["before", "origin", "code"], within=["origin", "code"])
    shown = later.join(kept, on=["before", "origin", "code"], how="semi", maintain_order="left")
    return Steps(*(shown[name].to_numpy().astype(np.intp) for name in ("before", "origin", "code")))


def _kept(records: pl.DataFrame, names: list[str], within: list[str] | None = None) -> pl.DataFrame:
    """The cells of some columns that may be shown where the totals of `within` are known: names, workers, records."""
    cells = records.group_by(names, maintain_order=True).agg(
        pl.col("worker").n_unique().alias("workers"), pl.len().cast(pl.Int64).alias("records")
    )
    return withhold_counts(cells, within or [])


def _spread_rest(kept: pl.DataFrame, records: int, like: Floats) -> Floats:
    """The counts kept, by column `code`, (J,), and the rest of the records over all others in proportion to `like`."""
    found = np.zeros(len(like))
    found[kept["code"].to_numpy()] = kept["records"].to_numpy()
    others = np.where(found > 0, 0, like)
    rest = max(0.0, records - found.sum())
    return np.asarray(found + rest * others / max(others.sum(), np.finfo(float).tiny))
