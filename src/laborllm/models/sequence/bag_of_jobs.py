"""Bag of jobs: the last occupation and the mean of all earlier ones (baseline of CAREER, arXiv 2202.08370).

With j_1, ..., j_t the occupations so far, the scores of the occupations and of staying are

    z = A e(j_t) + B (1/t) sum_{s <= t} c(j_s) + b + sum_f W^f[x_f],

with e and c vectors of an occupation and W^f fixed effects of the covariates and of the history, as in `logit`. The
order of the earlier occupations does not count.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from laborllm.models.sequence.inputs.careers import Batch
from laborllm.models.sequence.inputs.embeddings import FixedEffects, embedding


class BagNetwork(nn.Module):
    """The network of the bag of jobs: a `Batch` to scores (n, J + 1).

    A first record has the symbol for no occupation as its last one.
    """

    def __init__(self, sizes: Mapping[str, int], classes: int, width: int, dropout: float) -> None:
        super().__init__()
        self.last = embedding(classes + 1, width, scale=width**-0.5)
        self.context = embedding(classes + 1, width, scale=width**-0.5)
        self.from_last = nn.Linear(width, classes + 1, bias=False)
        self.from_context = nn.Linear(width, classes + 1, bias=False)
        self.effects = FixedEffects(sizes, classes + 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: Batch) -> Tensor:
        """Scores of all n records of a batch, (n, J + 1)."""
        context = self.context(batch.index["previous"])  # (B, T, width)
        count = torch.arange(1, context.shape[1] + 1, device=context.device)
        mean = (context.cumsum(dim=1) / count[:, None])[batch.present]  # (n, width)
        return self._scores(batch.records("previous"), mean, self.effects(batch))

    def begin(self, batch: Batch) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Scores of the last record of W careers, (W, J + 1); the sum of vectors so far and how many they are."""
        total = (self.context(batch.index["previous"]) * batch.present[..., None]).sum(dim=1)
        count = batch.present.sum(dim=1, keepdim=True)
        last = batch.last()
        return self._scores(last["previous"], total / count, self.effects.of(last)), (total[:, None], count[:, None])

    def step(self, state: tuple[Tensor, Tensor], index: Mapping[str, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Scores of one more record on each path, and the state after it.

        Args:
            state: Sum of the vectors of the occupations so far, (W, D, width), and how many they are.
            index: Indexes of the record by name, (W, D).

        Returns:
            (W, D, J + 1) for D paths of each of W workers, and the state.
        """
        total, count = state[0] + self.context(index["previous"]), state[1] + 1
        return self._scores(index["previous"], total / count, self.effects.of(index)), (total, count)

    def _scores(self, previous: Tensor, mean: Tensor, effects: Tensor) -> Tensor:
        scores: Tensor = self.from_last(self.dropout(self.last(previous))) + self.from_context(self.dropout(mean))
        return scores + effects
