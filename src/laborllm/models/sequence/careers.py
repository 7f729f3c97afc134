"""A panel as index tensors: what is known of each record before its occupation is.

The covariates of a record are those of its own year, its occupations those of the years before: year and education
stand beside the occupation they help to forecast (CAREER, arXiv 2202.08370). Region is that of the first record, as in
the text that the language model reads, so that all models are told the same facts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from laborllm.models.sequence.vocabulary import CATEGORIES, YEARS, Indexes, Vocabulary
from laborllm.panel import Panel
from laborllm.panel.order import first_records, record_before

LIMITS = {"gap": 4, "position": 40, "tenure": 20, "education_change": 1}
"""The largest index of each feature of the history; beyond it, values share that index."""

COVARIATES = (*CATEGORIES, *YEARS, *LIMITS)


@dataclass(frozen=True)
class Batch:
    """B careers side by side, padded at the end to T records.

    index: (B, T) per name, zero in the padding. present: (B, T), what is no padding; it holds n records.
    The names are `occupation`, the observed column; `previous` and `before_previous`, the columns of the two records
    before, J where there is none; and `COVARIATES`.
    """

    index: dict[str, Tensor]
    present: Tensor

    def records(self, name: str) -> Tensor:
        """The indexes of the n records alone, (n,)."""
        return self.index[name][self.present]


@dataclass(frozen=True)
class Careers:
    """A panel of n records of W workers. index: (n,) per name, as in `Batch`. start, length: (W,) rows of each."""

    index: dict[str, Tensor]
    start: Tensor
    length: Tensor

    def __len__(self) -> int:
        return len(self.start)

    def to(self, device: torch.device) -> Self:
        index = {name: column.to(device) for name, column in self.index.items()}
        return type(self)(index, self.start.to(device), self.length.to(device))

    def batch(self, workers: Sequence[int]) -> Batch:
        """These careers, padded to the longest of them."""
        start, length = self.start[list(workers)], self.length[list(workers)]
        step = torch.arange(int(length.max()), device=start.device)
        present = step < length[:, None]  # (B, T)
        row = torch.where(present, start[:, None] + step, 0)
        return Batch({name: torch.where(present, column[row], 0) for name, column in self.index.items()}, present)


def index_careers(panel: Panel, vocabulary: Vocabulary) -> Careers:
    """The careers of `panel` in its own order."""
    first = first_records(panel.records)
    start = np.flatnonzero(first)
    index = {
        **_occupations(panel, first),
        **{name: vocabulary.index(name, panel.records[name]) for name in CATEGORIES + YEARS},
        **{name: values.clip(max=LIMITS[name]) for name, values in _history(panel.records, first).items()},
    }
    length = np.diff(start, append=len(panel))
    index["region"] = np.repeat(index["region"][start], length)
    tensors = {name: torch.tensor(column) for name, column in index.items()}
    return Careers(tensors, torch.tensor(start), torch.tensor(length))


def index_sizes(vocabulary: Vocabulary) -> dict[str, int]:
    """How many indexes each of `COVARIATES` has."""
    seen = {name: vocabulary.size(name) for name in CATEGORIES + YEARS}
    return seen | {name: limit + 1 for name, limit in LIMITS.items()}


def _occupations(panel: Panel, first: NDArray[np.bool_]) -> dict[str, Indexes]:
    current = panel.taxonomy.columns(panel.records["occupation"]).astype(np.int64)
    none = len(panel.taxonomy)
    previous = np.where(first, none, record_before(current))
    return {
        "occupation": current,
        "previous": previous,
        "before_previous": np.where(first, none, record_before(previous)),
    }


def _history(records: pl.DataFrame, first: NDArray[np.bool_]) -> dict[str, Indexes]:
    """Years since the record before, records before, how many of the last ones had the last occupation, and whether the
    level of education is another; all zero for a first record."""
    year = records["year"].to_numpy().astype(np.int64)
    occupation, education = records["occupation"], records["education"]
    new_run = first | (occupation != occupation.shift(1)).fill_null(True).to_numpy()
    changed = (education != education.shift(1)).fill_null(False).to_numpy()
    history = {
        "gap": year - record_before(year),
        "position": _since(first),
        "tenure": record_before(_since(new_run)) + 1,
        "education_change": changed.astype(np.int64),
    }
    return {name: np.where(first, 0, values) for name, values in history.items()}


def _since(mark: NDArray[np.bool_]) -> Indexes:
    """How many rows ago the last mark was, zero at a mark. The first row is marked."""
    row = np.arange(len(mark))
    return row - np.maximum.accumulate(np.where(mark, row, 0))
