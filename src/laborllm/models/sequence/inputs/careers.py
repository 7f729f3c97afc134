"""A panel as index tensors: what is known of each record before its occupation is.

The covariates of a record are those of its own year, its occupations those of the years before: year and education
accompany the occupation they help to forecast (CAREER, arXiv 2202.08370). Region is the first record's, as in
the text that the language model reads, so that all models receive the same facts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from laborllm.models.runs.seen import CATEGORIES
from laborllm.models.sequence.inputs.vocabulary import YEARS, Indexes, Vocabulary
from laborllm.panel import Panel
from laborllm.panel.history import History

LIMITS = {"gap": 4, "position": 40, "tenure": 20, "education_change": 1}
"""The largest index of each feature of the history; beyond it, values share that index."""

COVARIATES = (*CATEGORIES, *YEARS, *LIMITS)


@dataclass(frozen=True)
class Batch:
    """B careers side by side, padded at the end to T records.

    The names of indexes are `occupation`, the observed column, J where the record is open; `previous` and
    `before_previous`, the columns of the two records before, J where there is none; and `COVARIATES`.

    Attributes:
        index: (B, T) per name, zero in the padding.
        present: What is no padding, (B, T); it holds n records.
    """

    index: dict[str, Tensor]
    present: Tensor

    def records(self, name: str) -> Tensor:
        """The indexes of only the n records, (n,)."""
        return self.index[name][self.present]

    def last(self) -> dict[str, Tensor]:
        """The indexes of the last record of each career, (B,) per name."""
        at = self.present.sum(dim=1, keepdim=True) - 1
        return {name: column.gather(1, at)[:, 0] for name, column in self.index.items()}


@dataclass(frozen=True)
class Careers:
    """A panel of n records of W workers.

    Attributes:
        index: (n,) per name, as in `Batch`.
        start: The first row of each worker, (W,).
        length: How many records each worker has, (W,).
    """

    index: dict[str, Tensor]
    start: Tensor
    length: Tensor

    def __len__(self) -> int:
        return len(self.start)

    def to(self, device: torch.device) -> Self:
        """Copy to a device."""
        index = {name: column.to(device) for name, column in self.index.items()}
        return type(self)(index, self.start.to(device), self.length.to(device))

    def rows(self, workers: Sequence[int]) -> Tensor:
        """The rows of the records of these careers, (n,), in the order of `Batch.records`."""
        start, length = self.start[list(workers)], self.length[list(workers)]
        first = start - length.cumsum(0) + length  # less how many records come before
        return first.repeat_interleave(length) + torch.arange(int(length.sum()), device=start.device)

    def batch(self, workers: Sequence[int]) -> Batch:
        """These careers, padded to the longest of them."""
        start, length = self.start[list(workers)], self.length[list(workers)]
        step = torch.arange(int(length.max()), device=start.device)
        present = step < length[:, None]  # (B, T)
        row = torch.where(present, start[:, None] + step, 0)
        return Batch({name: torch.where(present, column[row], 0) for name, column in self.index.items()}, present)


def index_careers(panel: Panel, vocabulary: Vocabulary) -> Careers:
    """The careers of `panel` in its own order."""
    history = History.of(panel)
    start = np.flatnonzero(history.is_first)
    index: dict[str, Indexes] = {
        "occupation": history.occupation,
        "previous": history.previous,
        "before_previous": history.before_previous,
        **{name: vocabulary.index(name, panel.records[name]) for name in CATEGORIES + YEARS},
        **{name: getattr(history, name).clip(max=LIMITS[name]) for name in ("gap", "position", "tenure")},
        "education_change": _education_change(panel.records, history.is_first),
    }
    length = np.diff(start, append=len(panel))
    index["region"] = np.repeat(index["region"][start], length)
    tensors = {name: torch.tensor(column) for name, column in index.items()}
    return Careers(tensors, torch.tensor(start), torch.tensor(length))


def index_sizes(vocabulary: Vocabulary) -> dict[str, int]:
    """How many indexes each of `COVARIATES` has."""
    seen = {name: vocabulary.size(name) for name in CATEGORIES + YEARS}
    return seen | {name: limit + 1 for name, limit in LIMITS.items()}


def _education_change(records: pl.DataFrame, first: NDArray[np.bool_]) -> Indexes:
    """Whether the level of education is another than in the record before, (n,); zero for a first record."""
    education = records["education"]
    changed = (education != education.shift(1)).fill_null(False).to_numpy()
    return np.asarray(changed & ~first, dtype=np.int64)
