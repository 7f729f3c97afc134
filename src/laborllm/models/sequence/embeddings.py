"""Tables with a row per index: vectors of what a record is known by, and fixed effects on scores."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from laborllm.models.sequence.careers import Batch


class Covariates(nn.Module):
    """The sum of a vector per covariate, (B, T, width)."""

    def __init__(self, sizes: Mapping[str, int], width: int, *, scale: float) -> None:
        super().__init__()
        self.tables = nn.ModuleDict({name: embedding(size, width, scale=scale) for name, size in sizes.items()})
        with torch.no_grad():
            for table in self.tables.children():
                table.get_parameter("weight")[0] = 0  # the unknown says nothing, unless training teaches otherwise

    def forward(self, batch: Batch) -> Tensor:
        return torch.stack([table(batch.index[name]) for name, table in self.tables.items()]).sum(dim=0)


class FixedEffects(nn.Module):
    """A constant and an effect of each value of each feature on each score, (n, scores); all zero at first."""

    def __init__(self, sizes: Mapping[str, int], scores: int) -> None:
        super().__init__()
        self.constant = nn.Parameter(torch.zeros(scores))
        self.tables = nn.ModuleDict({name: embedding(size, scores, scale=0.0) for name, size in sizes.items()})

    def forward(self, batch: Batch) -> Tensor:
        effects = [table(batch.records(name)) for name, table in self.tables.items()]
        return self.constant + torch.stack(effects).sum(dim=0)


def embedding(rows: int, width: int, *, scale: float) -> nn.Embedding:
    """A table of normal vectors of standard deviation `scale`."""
    table = nn.Embedding(rows, width)
    nn.init.normal_(table.weight, std=scale)
    return table
