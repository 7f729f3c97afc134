"""A task whose answer is known: a regression with careers as rows, of unequal weight."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn


class Regression:
    """Predict y from x; the loss is half the squared error, weighed by the length of the career. `cuts` parts each."""

    name = "regression"

    def __init__(self, careers: int = 12, cuts: int = 1) -> None:
        generator = np.random.default_rng(7)
        self.lengths = [int(length) for length in generator.integers(1, 5, careers)]
        self.x = torch.tensor(generator.normal(size=(careers, 3)))
        self.y = self.x @ torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64)
        self.module = nn.Linear(3, 1, dtype=torch.float64)
        nn.init.zeros_(self.module.weight)
        nn.init.zeros_(self.module.bias)
        self.cuts = cuts
        self.seen: list[list[int]] = []

    def loss(self, batch: Sequence[int]) -> Iterator[tuple[Tensor, float]]:
        self.seen.append(list(batch))
        for part in np.array_split(np.array(batch), self.cuts):
            if part.size:
                weights = torch.tensor([self.lengths[index] for index in part], dtype=torch.float64)
                error = (self.module(self.x[part]) - self.y[part])[:, 0]
                yield (weights * error**2 / 2).sum(), float(weights.sum())

    @torch.inference_mode()
    def perplexity(self) -> float:
        return float(torch.exp(((self.module(self.x) - self.y) ** 2).mean()))
