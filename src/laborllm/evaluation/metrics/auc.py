"""Area under the ROC curve, exact with ties, with an uncertainty clustered as the sample is."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar, Literal

import numpy as np

from laborllm.evaluation.arrays import Bools, Indices, Numbers
from laborllm.evaluation.bootstrap import Bootstrapped, ratios
from laborllm.evaluation.metrics.events import Cases, EventCases, EventMetric
from laborllm.evaluation.metrics.metric import Comparison, Measured
from laborllm.evaluation.sample import Sample
from laborllm.evaluation.scores.blocks import Blocks
from laborllm.evaluation.scores.ordered import in_order
from laborllm.evaluation.scores.records import Records


@dataclass(frozen=True)
class Auc(EventMetric):
    """The chance that a record where an event happened had the higher probability of it than one where it did not."""

    better: ClassVar[Literal["higher"]] = "higher"
    comparisons: ClassVar[tuple[Comparison, ...]] = ("difference",)

    @property
    def name(self) -> str:
        """What tables call it, such as auc_change."""
        return f"auc_{self.event.name}"

    @property
    def label(self) -> str:
        """What it is called in words."""
        return f"AUC: {self.event.label}"

    def measure(self, values: Sequence[Blocks[Numbers]], sample: Sample) -> Measured:
        """The area in each cell, with draws that are linear in the placements.

        The mean over records where the event happened and the mean over the others vary, each around the area
        (Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data").

        Args:
            values: The probability of the event and its outcome, block by block.
            sample: The records, their cells and their draws.

        Returns:
            Estimates and draws, (c,), and where they are defined.
        """
        cases = EventCases(self.event, values, sample)
        defined = cases.have_both_outcomes()
        size = len(defined)
        if not defined.any():
            return Measured(Bootstrapped(np.full(size, np.nan), np.full((1, size), np.nan)), defined)
        with (
            in_order(cases, lambda part: part.probability) as ordered,
            in_order(PlacedCases(ordered, size), lambda part: part.worker) as placed,
        ):
            parts = ((part, part.placement[None]) for part in chain.from_iterable(placed))
            found = ratios(sample.draws, parts, 2 * size)
        both, draws = found.estimate.reshape(2, size), found.resampled.reshape(-1, 2, size)
        area = both[1]
        return Measured(Bootstrapped(area, draws.sum(axis=1) - area), defined)


@dataclass(frozen=True)
class Placed(Records):
    """Some n records, in cells of one side each: those where the event happened come after those where it did not.

    Attributes:
        placement: Of each record in its cell of each partition, (P, n).
    """

    placement: Numbers


@dataclass(frozen=True)
class PlacedCases(Iterable[Placed]):
    """The placements of cases in the cells that they are in, some cases at a time.

    Attributes:
        ordered: The cases in ranges of their probabilities, as `in_order` gives them.
        cells: How many cells there are, c.
    """

    ordered: Iterable[Iterable[Cases]]
    cells: int

    def __iter__(self) -> Iterator[Placed]:
        total = np.sum([self._weights(part) for tied in self.ordered for part in tied], axis=0)
        before = np.zeros_like(total)
        for tied in self.ordered:
            weights = [self._weights(part) for part in tied]
            together = np.sum(weights, axis=0)
            for part, own in zip(tied, weights, strict=True):
                lower = before + (together - own) / 2  # other parts are of the same probability: a tie counts half
                placement = np.empty(part.cells.shape)
                for partition, cell, inside in part.cell_by_cell():
                    chosen = part.probability[inside], part.happened[inside], part.weight[inside]
                    placement[partition, inside] = placements(*chosen, lower[:, cell], total[:, cell])
                yield Placed(part.worker, part.cluster, part.weight, self._side_cells(part), placement)
            before = before + together

    def _weights(self, part: Cases) -> Numbers:
        """The weight of the records of both sides in each cell, (2, c)."""
        cells = self._side_cells(part)
        weight = np.broadcast_to(part.weight, cells.shape)
        found = np.bincount(cells.ravel(), weight.ravel(), 2 * self.cells)
        return found.astype(np.float64, copy=False).reshape(2, -1)

    def _side_cells(self, part: Cases) -> Indices:
        return part.cells + np.intp(self.cells) * part.happened


def placements(probability: Numbers, happened: Bools, weight: Numbers, before: Numbers, total: Numbers) -> Numbers:
    """The weighted share of records of the other side that a record is on the right side of.

    Where an event happened, that is of those without it whose probability was lower; where it did not, of those with it
    whose probability was higher. The mean of either is the area under the ROC curve.

    Args:
        probability: Of the event, ascending, (n,). A tie counts half.
        happened: Whether it did, (n,).
        weight: Of each record, (n,).
        before: The weight of records of lower probability that come before these, without and with the event, (2,).
        total: The weight of all records, without and with the event, (2,).

    Returns:
        (n,), from 0 to 1; not a number where the other side has no weight.
    """
    is_new = np.append(True, probability[1:] > probability[:-1])
    starts = np.flatnonzero(is_new)
    ends = np.append(starts[1:], len(probability))
    upto = np.zeros((2, len(probability) + 1))
    upto[:, 1:] = np.cumsum(weight * np.stack([~happened, happened]), axis=1)
    middle = before[:, None] + ((upto[:, starts] + upto[:, ends]) / 2)[:, np.cumsum(is_new) - 1]
    with np.errstate(invalid="ignore"):
        below = middle / total[:, None]
    return np.asarray(np.where(happened, below[0], 1 - below[1]))
