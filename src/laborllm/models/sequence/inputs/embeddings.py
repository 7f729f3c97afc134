"""Tables with a row per index: vectors of what a record is known by, and fixed effects on scores."""

from collections.abc import Mapping, Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from laborllm.models.sequence.inputs.careers import Batch


class Covariates(nn.Module):
    """The sum of a vector per covariate, (..., width), from indexes (...) by name."""

    def __init__(self, sizes: Mapping[str, int], width: int, *, scale: float) -> None:
        super().__init__()
        self.tables = nn.ModuleDict({name: embedding(size, width, scale=scale) for name, size in sizes.items()})
        with torch.no_grad():
            for table in self.tables.children():
                table.get_parameter("weight")[0] = 0  # the unknown says nothing, unless training teaches otherwise

    def forward(self, index: Mapping[str, Tensor]) -> Tensor:
        """The sum of the vectors of the covariates, (..., width), from their indexes by name, (...) each."""
        return torch.stack([table(index[name]) for name, table in self.tables.items()]).sum(dim=0)

    def of_paths(self, index: Mapping[str, Tensor]) -> Tensor:
        """The sum for D paths of each of W workers, (W, D, width), from indexes (W, D), or (W, 1) where paths agree."""
        return _sum_by_broadcasting([table(index[name]) for name, table in self.tables.items()])


class FixedEffects(nn.Module):
    """A constant and an effect of each value of each feature on each score, (n, scores); all zero at first."""

    def __init__(self, sizes: Mapping[str, int], scores: int) -> None:
        super().__init__()
        self.constant = nn.Parameter(torch.zeros(scores))
        self.tables = nn.ModuleDict({name: embedding(size, scores, scale=0.0) for name, size in sizes.items()})

    def forward(self, batch: Batch) -> Tensor:
        """Scores of all n records of a batch, (n, scores)."""
        effects = [table(batch.records(name)) for name, table in self.tables.items()]
        return self.constant + torch.stack(effects).sum(dim=0)

    def of(self, index: Mapping[str, Tensor]) -> Tensor:
        """The effects of records, (..., scores), from indexes of shapes that broadcast."""
        return self.constant + _sum_by_broadcasting([table(index[name]) for name, table in self.tables.items()])

    def begin(self, batch: Batch) -> tuple[Tensor, None]:
        """Scores of the last record of W careers, (W, J + 1); nothing is carried along."""
        return self.of(batch.last()), None

    def step(self, state: None, index: Mapping[str, Tensor]) -> tuple[Tensor, None]:
        """Scores of one more record on each path; there is no state.

        Args:
            state: None.
            index: Indexes of the record by name, (W, D).

        Returns:
            (W, D, J + 1) for D paths of each of W workers, and None.
        """
        return self.of(index), None


def _sum_by_broadcasting(parts: Sequence[Tensor]) -> Tensor:
    """The sum of tensors, the smaller ones first, so that what paths share is added once."""
    return reduce(torch.add, sorted(parts, key=Tensor.numel))


def embedding(rows: int, width: int, *, scale: float) -> nn.Embedding:
    """A table of normal vectors.

    Args:
        rows: How many vectors.
        width: Of each.
        scale: Standard deviation of their elements.

    Returns:
        The table.
    """
    table = nn.Embedding(rows, width)
    nn.init.normal_(table.weight, std=scale)
    return table
