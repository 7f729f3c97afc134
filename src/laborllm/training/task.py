"""Training tasks: what the training loop asks of a model."""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor, nn


class Task(Protocol):
    """A module, its training careers by index, and its validation perplexity.

    Attributes:
        name: Shown with the progress.
        module: Its parameters that require a gradient are trained; it is in train mode during `loss`, in eval mode
            during `perplexity`.
        lengths: Length of each training career: in tokens for a text, in records for a model over codes.
    """

    @property
    def name(self) -> str:
        """Shown with the progress."""

    @property
    def module(self) -> nn.Module:
        """What is trained: those of its parameters that require a gradient."""

    @property
    def lengths(self) -> Sequence[int]:
        """The length of each training career: in tokens for a text, in records for a model over codes."""

    def loss(self, batch: Sequence[int]) -> Iterator[tuple[Tensor, float]]:
        """The summed loss of these careers in nats, in as many parts as memory requires, each with its weight (such as
        the number of scored tokens). A step follows the gradient of the total loss over the total weight, however the
        parts are cut (gradient accumulation); the graph of a part is freed before the next is computed."""
        ...

    def perplexity(self) -> float:
        """Perplexity of the observed occupations of the validation split, which chooses the weights and stops early."""
        ...


@runtime_checkable
class TaskInPasses(Task, Protocol):
    """A task whose `loss` has one part for each forward pass, of as many careers as memory holds.

    Its module can be sharded among processes, which must all compute the same number of passes in a step.
    """

    def passes(self, batch: Sequence[int]) -> Sequence[object]:
        """The input of each pass over these careers."""
        ...

    def halve_passes(self) -> bool:
        """Halve the size of passes from here on. False if they are as small as they can be."""
        ...
