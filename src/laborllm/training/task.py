"""What a model must bring to be trained."""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor, nn


class Task(Protocol):
    """A module, its training careers by index, and how well it does on the validation split.

    name: shown with the progress. module: its parameters that require a gradient are trained; it is in train mode
    during `loss`, in eval mode during `perplexity`. lengths: of each training career, in what the model reads one by
    one: tokens of a text, records for a model over codes.
    """

    @property
    def name(self) -> str: ...

    @property
    def module(self) -> nn.Module: ...

    @property
    def lengths(self) -> Sequence[int]: ...

    def loss(self, batch: Sequence[int]) -> Iterator[tuple[Tensor, float]]:
        """The loss of these careers in nats, summed, in parts as small as memory asks for, each with its weight (such
        as how many tokens are scored). A step follows the gradient of the total loss over the total weight, however
        the parts are cut; the graph of a part is freed before the next is asked for."""
        ...

    def perplexity(self) -> float:
        """Perplexity of the observed occupations of the validation split, by which the weights to keep are chosen."""
        ...


@runtime_checkable
class TaskInPasses(Task, Protocol):
    """A task whose `loss` has as many parts as there are passes over the module, for as many careers as memory holds.

    Its module can be shared out among processes, which must all compute as many passes in a step.
    """

    def passes(self, batch: Sequence[int]) -> Sequence[object]:
        """What each pass reads of these careers."""
        ...

    def halve_passes(self) -> bool:
        """Let passes read half as much from here on. False if each reads as little as it can."""
        ...
