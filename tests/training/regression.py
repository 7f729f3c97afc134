"""A task whose answer is known: a regression with careers as rows, of unequal weight."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn


class Regression:
    """Predict y from x; the loss is half the squared error, weighed by the length of the career.

    cuts: in how many parts a batch is read. dropout: of x. stop_at: the step at which the user interrupts."""

    name = "regression"

    def __init__(self, careers: int = 12, *, cuts: int = 1, dropout: float = 0.0, stop_at: int | None = None) -> None:
        generator = np.random.default_rng(7)
        self.lengths = [int(length) for length in generator.integers(1, 5, careers)]
        self.x = torch.tensor(generator.normal(size=(careers, 3)))
        self.y = self.x @ torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64)
        self.linear = nn.Linear(3, 1, dtype=torch.float64)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.module = nn.Sequential(nn.Dropout(dropout), self.linear)
        self.cuts = cuts
        self.stop_at = stop_at
        self.seen: list[list[int]] = []

    def loss(self, batch: Sequence[int]) -> Iterator[tuple[Tensor, float]]:
        if self.stop_at == len(self.seen):
            raise KeyboardInterrupt
        self.seen.append(list(batch))
        for part in np.array_split(np.array(batch), self.cuts):
            if part.size:
                weights = torch.tensor([self.lengths[index] for index in part], dtype=torch.float64)
                error = (self.module(self.x[part]) - self.y[part])[:, 0]
                yield (weights * error**2 / 2).sum(), float(weights.sum())

    @property
    def weights(self) -> Tensor:
        return torch.cat([parameter.detach().flatten() for parameter in self.module.parameters()])

    @torch.inference_mode()
    def perplexity(self) -> float:
        return float(torch.exp(((self.module(self.x) - self.y) ** 2).mean()))
