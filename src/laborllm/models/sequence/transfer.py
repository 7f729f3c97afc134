"""What a new network takes over from elsewhere: the weights of a run on another panel, or a reading of the titles."""

import polars as pl
import torch
from torch import Tensor, nn

from laborllm.models.sequence.vocabulary import CATEGORIES, YEARS, Vocabulary


def carry_over(source: nn.Module, known: Vocabulary, network: nn.Module, wanted: Vocabulary) -> None:
    """Give `network` the weights of `source`, a network of the same shape over the covariates of another panel.

    A value of a covariate that `source` does not know begins as what it takes for unknown, a year as the nearest year.
    """
    state = source.state_dict()
    for name in CATEGORIES + YEARS:
        values = pl.Series(wanted.values(name), dtype=pl.String if name in CATEGORIES else pl.Int64)
        weight = f"covariates.tables.{name}.weight"
        state[weight] = state[weight][[0, *known.index(name, values)]]
    network.load_state_dict(state)


@torch.no_grad()
def begin_with(table: Tensor, vectors: Tensor) -> None:
    """Replace the first J rows of `table`, (rows, width), by the principal components of `vectors`, (J, d), scaled to
    the spread of the table."""
    centred = vectors - vectors.mean(dim=0)
    left, singular, _ = torch.linalg.svd(centred, full_matrices=False)
    width = min(table.shape[1], len(singular))
    components = (left * singular)[:, :width]
    table[: len(vectors), :width] = components * table.std() / components.square().mean().sqrt()
