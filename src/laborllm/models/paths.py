"""Paths: careers continued record by record, and what a fitted model has to offer for it.

W workers have D paths each. A path is closed one record at a time: the model gives the distribution of its next open
record, an occupation is drawn, and the path receives it. A model that carries its state along, such as the hidden state
of a recurrent network or a KV cache, never reads the same career twice.
"""

from typing import Protocol, runtime_checkable

from torch import Tensor

from laborllm.panel import Panel


class Paths(Protocol):
    """D paths of each of W workers, all closed up to the same open record."""

    def probability(self) -> Tensor:
        """The distribution of the next open record given each path.

        Returns:
            (W, D, J), rows that sum to one; (W, 1, J) while the paths of a worker do not differ yet.
        """
        ...

    def append(self, occupation: Tensor) -> None:
        """Close the next open record of every path; there must be another after it.

        Args:
            occupation: (W, D) columns of the taxonomy.
        """
        ...


@runtime_checkable
class Simulates(Protocol):
    """A fitted model that continues careers by carrying its state along."""

    def paths(self, panel: Panel, draws: int) -> Paths:
        """Paths that begin where the observed records of `panel` end.

        Args:
            panel: Careers with K open records each, whose covariates hold on every path.
            draws: Paths of each worker, D.
        """
        ...
