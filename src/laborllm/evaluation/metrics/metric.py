"""What a metric is: a name, the scores it takes of each record, and a statistic of them with its draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from laborllm.evaluation.arrays import Bools, Numbers
from laborllm.evaluation.bootstrap import Bootstrapped
from laborllm.evaluation.portions import Score
from laborllm.evaluation.sample import Sample
from laborllm.panel.history import History

Comparison = Literal["difference", "ratio"]


@dataclass(frozen=True)
class Measured:
    """A metric of m models in c cells. statistics: (m, c). defined: (m, c), whether enough workers stand behind it."""

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
    def name(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def better(self) -> Literal["lower", "higher", "one", "zero"]: ...

    @property
    def comparisons(self) -> tuple[Comparison, ...]: ...

    @property
    def scores(self) -> tuple[Score, ...]:
        """What it takes of each record. A model that lacks one of them is left out."""
        ...

    def domain(self, history: History) -> Bools:
        """The records it is about, (n,)."""
        ...

    def measure(self, values: Sequence[Numbers], sample: Sample) -> Measured:
        """The statistic of m models in each cell; values: (n, m) for each of `scores`."""
        ...
