"""Paths of transition frequencies: a row of a table for each path, by its last occupation, or its last two."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from laborllm.models.forecasts.forecast import Floats

Columns = NDArray[np.intp]


class TransitionPaths:
    """D paths of each of W workers.

    Args:
        probability: (n, J) from the columns of the two occupations before each of n records, the earlier one first; J
            where there is none.
        before: Column of the occupation before the last observed one, (W,).
        previous: Column of the last observed occupation, (W,).
    """

    def __init__(self, probability: Callable[[Columns, Columns], Floats], before: Columns, previous: Columns) -> None:
        self._probability = probability
        self._before, self._previous = before[:, None], previous[:, None]

    def probability(self) -> Tensor:
        """The distribution of the next open record, (W, D, J), or (W, 1, J) before the first record is closed."""
        shape = self._previous.shape
        return torch.from_numpy(self._probability(self._before.ravel(), self._previous.ravel())).view(*shape, -1)

    def append(self, occupation: Tensor) -> None:
        """Close the next open record of every path."""
        self._before = np.broadcast_to(self._previous, occupation.shape)
        self._previous = occupation.numpy()
