"""The gradient of a batch, over passes that memory holds and over processes that share the batch."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from laborllm.errors import RunError
from laborllm.runtime import is_out_of_memory, release_memory, seeded
from laborllm.training.parallel.processes import Processes
from laborllm.training.parallel.sharding import Shards
from laborllm.training.task import Task, TaskInPasses


class BatchGradient:
    """Computes the gradient of one batch at a time.

    Args:
        task: What is trained, and its loss.
        parameters: Whose gradient is computed, by name.
        processes: What the batch is shared between.
        shards: The sharded weights, if they are.
        seed: Of the training.
    """

    def __init__(
        self, task: Task, parameters: Mapping[str, nn.Parameter], processes: Processes, shards: Shards | None, seed: int
    ) -> None:
        self._task, self._processes, self._shards, self._seed = task, processes, shards, seed
        self._parameters = list(parameters.values())

    def compute(self, batch: Sequence[int], *, step: int, careers: int) -> tuple[float, float]:
        """Put the gradient of the mean loss of a batch into the parameters.

        Args:
            batch: Numbers of its careers.
            step: Number of the step, which decides the random numbers.
            careers: How many careers were read before, for an error.

        Returns:
            The summed loss in nats, and the weight that the mean divides it by.

        Raises:
            RunError: The loss is not finite.
        """
        while (own := self._backward(batch, step, careers)) is None:
            for parameter in self._parameters:
                parameter.grad = None
            release_memory()
        if self._shards is None:
            self._processes.sum_gradients(self._parameters)
        weight = self._processes.total(own[1])
        divisor = weight if self._shards is None else weight / self._processes.count  # FSDP gives the mean gradient
        for parameter in self._parameters:
            if parameter.grad is not None:
                parameter.grad /= divisor
        return self._processes.total(own[0]), weight

    def _backward(self, batch: Sequence[int], step: int, careers: int) -> tuple[float, float] | None:
        """Accumulate the gradient of this process's share of a batch, and return its loss and weight.

        None if memory did not hold a pass; the next ones are smaller then.
        """
        losses: list[Tensor] = []
        weight = 0.0
        try:
            with seeded(_step_seed(self._seed, step, self._processes.rank)):
                for loss, part in self._parts(batch):
                    loss.backward()
                    losses.append(loss.detach())
                    weight += part
            return _total(losses, careers), weight
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error) and self._halves_passes():
                return None
            raise

    def _halves_passes(self) -> bool:
        """Halve the size of passes, if possible; not with shards, where all processes must compute the same passes."""
        return self._shards is None and isinstance(self._task, TaskInPasses) and self._task.halve_passes()

    def _parts(self, batch: Sequence[int]) -> Iterator[tuple[Tensor, float]]:
        """The parts of this process's share of a batch. With shards, all processes compute the same number of parts: a
        process with fewer adds passes whose gradient is zero."""
        own = self._task.loss(self._processes.share(batch))
        if not isinstance(self._task, TaskInPasses) or self._shards is None:
            yield from own
            return
        for _ in range(max(len(self._task.passes(share)) for share in self._processes.shares(batch))):
            yield self._shards.compute(lambda: next(own, None) or self._idle(batch[0]))

    def _idle(self, career: int) -> tuple[Tensor, float]:
        """A pass with a gradient of zero."""
        loss, _ = next(self._task.loss([career]))
        return 0 * loss, 0.0


def not_finite(found: str, careers: int) -> RunError:
    """The error of a training whose numbers are not finite.

    Args:
        found: What was found.
        careers: How many careers were read before.

    Returns:
        The error, to raise.
    """
    if careers == 0:
        return RunError(f"{found} before any step: the initial weights, or the data, are not finite")
    return RunError(f"{found} after {careers} careers: lower the learning rate")


def _total(losses: list[Tensor], careers: int) -> float:
    """The sum of the losses of all parts, with one synchronisation of a GPU."""
    nats = 0.0
    for loss in torch.stack(losses).tolist() if losses else []:
        if not math.isfinite(loss):
            raise not_finite(f"the loss is {loss}", careers)
        nats += loss
    return nats


def _step_seed(seed: int, step: int, process: int) -> int:
    """The seed of the random numbers of a step, such as dropout: no state of a generator needs to be stored."""
    return int(np.random.SeedSequence([seed, step, process]).generate_state(1)[0])
