"""The evaluated records: their histories, their sampling design, the cells they fall into and the draws they share."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import polars as pl

from laborllm.errors import PanelError
from laborllm.evaluation.arrays import Bools, Indices, Numbers, compact
from laborllm.evaluation.bootstrap import ClusterBootstrap, Partition
from laborllm.evaluation.design import NONE, SAMPLING, WORKER, Design
from laborllm.evaluation.flow_groups import Flows
from laborllm.evaluation.groups import DERIVED, Group, group_records, margins_of
from laborllm.evaluation.scores.portions import observed_portions
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, over
from laborllm.panel.files.store import Careers
from laborllm.panel.history import KINDS, History
from laborllm.panel.order import worker_index
from laborllm.privacy import SMALLEST_CELL, failing_magnitudes, withhold

NEEDED = ("worker", "year")
"""Columns that an evaluation always takes."""


@dataclass(frozen=True)
class Cell:
    """A level of a group: the records that one row of a table is about."""

    group: str
    level: str


@dataclass(frozen=True)
class Sample:
    """The n records that all models are evaluated on.

    Attributes:
        worker: The worker of each record as numbers 0, 1, ..., (n,), in order.
        history: Of each record.
        design: Weights, clusters and strata.
        groups: All records, and the partitions asked for.
        margins: The partitions that are crossed in those, and not asked for by themselves.
        flows: Between which groups of occupations each record moves.
        bootstrap: The draws that all statistics share.
    """

    worker: Indices
    history: History
    design: Design
    groups: Sequence[Group]
    margins: Sequence[Group]
    flows: Flows
    bootstrap: ClusterBootstrap

    @classmethod
    def of(
        cls,
        careers: Careers,
        taxonomy: Taxonomy,
        *,
        by: Iterable[str] = (),
        weights: str = NONE,
        cluster: str = WORKER,
        strata: str | None = None,
        draws: int = 1000,
        seed: int = 0,
    ) -> Self:
        """The sample of the observed records.

        Args:
            careers: The careers; n of their records are observed.
            taxonomy: What the records are expressed over.
            by: Names of groups: columns, or partitions such as "transition" and "history".
            weights: "none", "sampling" or a column with a weight of each record.
            cluster: The column whose values are drawn together.
            strata: The column within which clusters are drawn; None: from all.
            draws: How many draws of clusters.
            seed: Of the draws.

        Returns:
            Histories, design, cells and draws of the records.

        Raises:
            OptionError: Groups or a design that the careers do not have.
            PanelError: No record has an occupation.
        """
        by = tuple(by)
        asked = {part.strip() for name in by for part in name.split("*")}
        asked |= {"weight" if weights == SAMPLING else weights, cluster}
        panel, history = _observed(careers, taxonomy, asked if strata is None else asked | {strata})
        design = Design.of(panel, weights=weights, cluster=cluster, strata=strata)
        bootstrap = ClusterBootstrap(design.cluster, design.weight, design.stratum, draws, seed)
        groups, margins = group_records(panel, history, by), margins_of(panel, history, by)
        worker, flows = compact(worker_index(panel.records)), Flows.of(history, taxonomy)
        return cls(worker, history, design, groups, margins, flows, bootstrap)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The c cells of all groups; a hidden one that is named by a value of the panel has a number for its name."""
        return tuple(
            Cell(group.name, level)
            for group, hidden in zip(self.groups, self._hidden, strict=False)
            for level in group.shown_levels(hidden)
        )

    @property
    def partitions(self) -> list[Partition]:
        """The groups, c cells together."""
        return [group.partition for group in self.groups]

    def members(self) -> Iterator[Bools]:
        """Whether each record is in a cell, (n,), cell by cell."""
        for cell, cells in self.partitions:
            yield from (cell == at for at in range(cells))

    def workers_in(self, records: Bools) -> int:
        """How many workers the `records`, (n,), are of."""
        worker = self.worker[records]  # in order
        return int(np.count_nonzero(worker[1:] != worker[:-1])) + bool(len(worker))

    def has_both_outcomes(self, among: Bools, outcome: Numbers) -> bool:
        """Whether enough workers have an outcome, and enough do not.

        Args:
            among: The records that count, (n,).
            outcome: 0 or 1, (n,).

        Returns:
            Whether each side has at least the workers of the smallest cell.
        """
        sides = (among & (outcome > 0.5), among & (outcome <= 0.5))
        return min(self.workers_in(side) for side in sides) >= SMALLEST_CELL

    def enough_in(self, records: Bools) -> Bools:
        """Whether each cell holds enough workers who have one of `records` (n,) in it, (c,)."""
        chosen = [self.workers_in(records & cell) >= SMALLEST_CELL for cell in self.members()]
        return np.array(chosen, dtype=bool)

    @cached_property
    def hidden(self) -> Bools:
        """Which cells may not be shown, (c,)."""
        return np.concatenate(self._hidden[: len(self.groups)])

    @cached_property
    def hidden_flows(self) -> tuple[Bools, Bools]:
        """Which origins, (G,), and which flows between groups, (G * G,), may not be shown along with the cells."""
        size = len(self.flows.groups)
        origins, flows = self._hidden[-2:]
        return np.pad(origins, (0, size - len(origins))), np.pad(flows, (0, size * size - len(flows)))

    @cached_property
    def _hidden(self) -> list[Bools]:
        """What may not be shown of all that is published, where margins are known; to protect a small cell, flows are
        given up first, and margins last."""
        levels = [group.level for group in (*self.groups, *self.margins)]
        rank = [1] * len(self.groups) + [0] * len(self.margins) + [2, 3]
        partitions = [*levels, self.flows.origin, self.flows.flow]
        return withhold(partitions, self.worker, rank, self._dominated(partitions))

    def _dominated(self, partitions: Sequence[Indices]) -> list[Bools]:
        """The cells of each partition whose weight one or two workers are most of; nothing where all weigh alike."""
        if not self.is_weighted:
            return []
        failing = [failing_magnitudes(level, self.worker, self.design.weight) for level in partitions]
        return [each["nk-rule"] | each["p-ratio"] for each in failing]

    @property
    def is_weighted(self) -> bool:
        """Whether some records weigh more than others, so that sums over them are magnitudes."""
        return bool(np.ptp(self.design.weight))

    @cached_property
    def counts(self) -> tuple[dict[str, object], ...]:
        """How many records and workers are in each cell, c values; null where they may not be shown."""
        return tuple(
            {"records": None, "workers": None}
            if hidden
            else {"records": int(members.sum()), "workers": self.workers_in(members)}
            for members, hidden in zip(self.members(), self.hidden, strict=True)
        )


def _compact(history: History) -> History:
    """Histories in the smallest types that hold them."""
    numbers = {name: compact(values) for name, values in vars(history).items() if name != "kind"}
    return History(**numbers, kind=history.kind.cast(pl.Enum(KINDS)))


def _joined(histories: Sequence[History]) -> History:
    """The histories of whole careers, one portion after the other."""
    names = [name for name in vars(histories[0]) if name != "kind"]
    numbers = {name: np.concatenate([getattr(each, name) for each in histories]) for name in names}
    return History(**numbers, kind=pl.concat([each.kind for each in histories]))


def _observed(careers: Careers, taxonomy: Taxonomy, asked: Collection[str]) -> tuple[Panel, History]:
    """The observed records over `taxonomy`, with the columns asked for, or with all where one is unknown: what is made
    of them then names those that there are; and their histories."""
    parts: list[pl.DataFrame] = []
    histories: list[History] = []
    for portion in observed_portions(careers):
        columns = portion.records.columns
        known = set(asked) <= {*columns, *DERIVED, NONE}
        kept = [name for name in columns if name in NEEDED or name in asked or not known]
        observed = over(portion, taxonomy)
        parts.append(observed.records.select(kept).cast({pl.String: pl.Categorical}))  # four bytes for a text
        histories.append(_compact(History.of(observed)))
    if not parts:
        raise PanelError(f"all {len(careers):,} records are open: none has an occupation to score")
    return observed.part(pl.concat(parts)), _joined(histories)
