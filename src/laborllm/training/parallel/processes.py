"""Data parallelism: the processes that train one model together, started by torchrun; one process without it.

Each reads its share of every batch, and gradients are summed before the step, so that any number of processes takes the
steps of a single one.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import torch
import torch.distributed as dist
from accelerate import PartialState
from torch import Tensor

T = TypeVar("T")


class Processes:
    """This process among the processes that train together; joins them when first made."""

    def __init__(self) -> None:
        self._state = PartialState(cpu=not torch.cuda.is_available())
        self.rank = int(self._state.process_index)
        self.count = int(self._state.num_processes)

    @property
    def is_main(self) -> bool:
        """Whether this process shows progress and writes files for all."""
        return self.rank == 0

    def share(self, batch: Sequence[int]) -> Sequence[int]:
        """The careers of a batch that this process reads; none where there are more processes than careers."""
        return self.shares(batch)[self.rank]

    def shares(self, batch: Sequence[int]) -> list[Sequence[int]]:
        """The share of every process."""
        return [batch[rank :: self.count] for rank in range(self.count)]

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Make every gradient the sum over all processes."""
        if self.count == 1:
            return
        pending = []
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            pending.append(dist.all_reduce(parameter.grad, async_op=True))
        for work in pending:
            work.wait()

    def total(self, number: float) -> float:
        """The sum of a number over all processes."""
        return float(sum(self._of_all(number)))

    def of_main(self, value: T) -> T:
        """The main process's value in all processes, so that they do the same with it."""
        return self._of_all(value)[0]

    def _of_all(self, value: T) -> list[T]:
        if self.count == 1:
            return [value]
        values = [value] * self.count
        dist.all_gather_object(values, value)
        return values
