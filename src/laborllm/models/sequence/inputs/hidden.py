"""Record and covariate dropout: what a network is not told in training, so that it leans on no single fact.

A hidden record has the symbol for no occupation in place of the two occupations before it; a hidden covariate is
unknown, over the whole career of a worker, as it is of people of whom it was never asked. What is scored stays.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from laborllm.models.runs.seen import CATEGORIES
from laborllm.models.sequence.inputs.careers import Batch
from laborllm.models.sequence.inputs.vocabulary import YEARS

UNKNOWN = 0  # the index of a covariate


@dataclass(frozen=True)
class Hiding:
    """How much is hidden, at random.

    Attributes:
        records: Share of the records.
        covariates: Share of the covariates of each career.
        none: Index of no occupation, J.
    """

    records: float
    covariates: float
    none: int

    def apply(self, batch: Batch) -> Batch:
        """The batch as a network sees it; the same one where nothing is to be hidden."""
        hidden: dict[str, Tensor] = {}
        if self.records:
            out = torch.rand_like(batch.present, dtype=torch.float32) < self.records  # (B, T)
            for name in ("previous", "before_previous"):
                hidden[name] = batch.index[name].masked_fill(out, self.none)
        if self.covariates:
            for name in CATEGORIES + YEARS:
                out = torch.rand_like(batch.present[:, :1], dtype=torch.float32) < self.covariates  # (B, 1)
                hidden[name] = batch.index[name].masked_fill(out, UNKNOWN)
        return Batch(batch.index | hidden, batch.present)
