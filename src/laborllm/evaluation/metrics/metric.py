"""What a metric is: a name, the scores it takes of each record, and a statistic of them with its draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from laborllm.evaluation.arrays import Bools, Numbers
from laborllm.evaluation.bootstrap import Bootstrapped
from laborllm.evaluation.sample import Sample
from laborllm.evaluation.scores.blocks import Blocks
from laborllm.evaluation.scores.portions import Score
from laborllm.panel.history import History

Comparison = Literal["difference", "ratio"]


@dataclass(frozen=True)
class Measured:
    """A metric of a model in c cells.

    Attributes:
        statistics: Its value in each cell, (c,), and the draws of it, (draws, c).
        defined: Whether enough workers stand behind it, (c,).
    """

    statistics: Bootstrapped
    defined: Bools


class Metric(Protocol):
    """One number per model and cell.

    Attributes:
        name: In tables, lower case with underscores.
        label: In words, as a table's heading.
        better: Which values are better: "lower", "higher", or "one", "zero" for what a perfect forecast has.
        comparisons: How the values of two models are set against each other; none for what has no draws.
    """

    @property
    def name(self) -> str:
        """What tables call it, lower case with underscores."""

    @property
    def label(self) -> str:
        """What it is called in words, as a table's heading."""

    @property
    def better(self) -> Literal["lower", "higher", "one", "zero"]:
        """Which values are better: lower ones, higher ones, or one or zero, which a perfect forecast has."""

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """How the values of two models are set against each other; none for what has no draws."""

    @property
    def scores(self) -> tuple[Score, ...]:
        """What it takes of each record. A model that lacks one of them is left out."""
        ...

    def domain(self, history: History) -> Bools:
        """The records it is about, (n,)."""
        ...

    def measure(self, values: Sequence[Blocks[Numbers]], sample: Sample) -> Measured:
        """The statistic of a model in each of c cells of records.

        Args:
            values: For each of `scores`, the numbers of the records, block by block as those of the sample, (n,).
            sample: The records, the cells they are in, and the draws.

        Returns:
            Estimates and draws, (c,), and where they are defined.
        """
        ...
