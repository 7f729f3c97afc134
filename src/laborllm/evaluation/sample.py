"""The evaluated records: their histories, their sampling design, the cells they fall into and the draws they share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from laborllm.errors import PanelError
from laborllm.evaluation.arrays import Bools, Indices, compact
from laborllm.evaluation.design import NONE, WORKER, Clusters, Weights
from laborllm.evaluation.draws import Draws
from laborllm.evaluation.flow_groups import Flows
from laborllm.evaluation.groups.columns import columns_of
from laborllm.evaluation.groups.partitions import Levels, Partition, margins_of, partitions_of
from laborllm.evaluation.scores.blocks import Blocks
from laborllm.evaluation.scores.portions import observed_portions
from laborllm.evaluation.scores.records import Records
from laborllm.occupations import Taxonomy
from laborllm.panel import over
from laborllm.panel.files.store import Careers
from laborllm.panel.history import KINDS, History
from laborllm.panel.order import worker_index
from laborllm.privacy import Magnitudes
from laborllm.privacy.counts import CellCounts
from laborllm.privacy.suppression import withheld_cells
from laborllm.storage import temporary_folder


@dataclass(frozen=True)
class Cell:
    """A level of a group: the records that one row of a table is about."""

    group: str
    level: str


@dataclass(frozen=True)
class Block:
    """Some n records of whole careers.

    Attributes:
        records: Their workers, design and cells.
        history: The history of each.
        margins: The level of each in the M partitions that are crossed and not asked for by themselves, (M, n).
    """

    records: Records
    history: History
    margins: Indices


@dataclass(frozen=True)
class Sample:
    """The records that all models are evaluated on.

    Attributes:
        blocks: The records, some whole careers at a time: those of each of `observed_portions`.
        size: How many records there are.
        is_weighted: Whether some records weigh more than others, so that sums over them are magnitudes.
        groups: All records, and the partitions asked for.
        flows: Between which groups of occupations records can move.
        draws: The draws that all statistics share.
    """

    blocks: Blocks[Block]
    size: int
    is_weighted: bool
    groups: Sequence[Levels]
    flows: Flows
    draws: Draws

    @classmethod
    def of(
        cls,
        careers: Careers,
        taxonomy: Taxonomy,
        folder: Path,
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
            careers: The careers; some of their records are observed.
            taxonomy: What the records are expressed over.
            folder: Where what is known of the records is kept.
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
            StorageError: The folder cannot be written to.
        """
        by = tuple(by)
        weight, clusters = Weights(weights), Clusters(cluster, strata)
        with temporary_folder() as aside:
            read, columns = Blocks[Block](aside / "read"), Blocks[pl.DataFrame](aside / "columns")
            size = _read(careers, taxonomy, by, weight, clusters, read, columns)
            groups, margins = partitions_of(columns, by), margins_of(columns, by)
            blocks = _placed(read, columns, groups, margins, folder)
        found = Draws(len(clusters), clusters.stratum, draws, seed)
        return cls(blocks, size, weight.differ, [group.levels for group in groups], Flows.of(taxonomy), found)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The c cells of all groups; a hidden one that is named by a value of the panel has a number for its name."""
        return tuple(
            Cell(group.name, level)
            for group, hidden in zip(self.groups, self._hidden, strict=False)
            for level in group.shown_levels(hidden)
        )

    @property
    def cells_in_all(self) -> int:
        """How many cells there are, c."""
        return self.partitions[-1].stop

    @property
    def partitions(self) -> list[range]:
        """The cells of each group, as numbers among all c."""
        ends = np.cumsum([len(group.levels) for group in self.groups]).tolist()
        return [range(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]

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
        counts: CellCounts | None = None
        for block in self.blocks:
            levels = self._levels(block)
            counts = CellCounts(len(levels)) if counts is None else counts
            counts.add(levels, block.records.worker - block.records.worker[0])
        assert counts is not None
        rank = [1] * len(self.groups) + [0] * (counts.partitions - len(self.groups) - 2) + [2, 3]
        return withheld_cells(counts, rank, self._dominated(counts.partitions))

    def _levels(self, block: Block) -> list[Indices]:
        """The place of each record in all partitions that are published: groups, margins, origins and flows."""
        starts = np.array([[cells.start] for cells in self.partitions])
        return [*(block.records.cells - starts), *block.margins, *self.flows.of_records(block.history)]

    def _dominated(self, partitions: int) -> list[Bools]:
        """The cells of each partition whose weight one or two workers are most of; nothing where all weigh alike."""
        if not self.is_weighted:
            return []
        found = [Magnitudes() for _ in range(partitions)]
        for block in self.blocks:
            for magnitudes, level in zip(found, self._levels(block), strict=True):
                magnitudes.add(level, block.records.worker, block.records.weight)
        return [each["nk-rule"] | each["p-ratio"] for each in (magnitudes.failing() for magnitudes in found)]

    @cached_property
    def counts(self) -> tuple[dict[str, object], ...]:
        """How many records and workers are in each cell, c values; null where they may not be shown."""
        records, workers = np.zeros((2, len(self.hidden)), dtype=np.int64)
        for block in self.blocks:
            records += np.bincount(block.records.all_cells, minlength=len(records))
            workers += block.records.workers_in(len(workers))
        return tuple(
            {"records": None, "workers": None} if hidden else {"records": size, "workers": people}
            for size, people, hidden in zip(records.tolist(), workers.tolist(), self.hidden, strict=True)
        )


def _compact(history: History) -> History:
    """Histories in the smallest types that hold them."""
    numbers = {name: compact(values) for name, values in vars(history).items() if name != "kind"}
    return History(**numbers, kind=history.kind.cast(pl.Enum(KINDS)))


def _read(
    careers: Careers,
    taxonomy: Taxonomy,
    by: Sequence[str],
    weight: Weights,
    clusters: Clusters,
    read: Blocks[Block],
    columns: Blocks[pl.DataFrame],
) -> int:
    """How many observed records there are; they go to `read`, in no cells yet, and what groups are made of to
    `columns`."""
    size = workers = 0
    for portion in observed_portions(careers):
        observed = over(portion, taxonomy)
        worker, history = workers + worker_index(observed.records), History.of(observed)
        nowhere = np.empty((0, len(worker)), dtype=np.int8)
        records = Records(worker, clusters.read(observed), weight.read(observed), nowhere)
        read.append(Block(records, _compact(history), nowhere))
        columns.append(columns_of(observed, history, by))
        size, workers = size + len(worker), int(worker[-1]) + 1
    if not size:
        raise PanelError(f"all {len(careers):,} records are open: none has an occupation to score")
    weight.require_valid()
    clusters.require_valid()
    return size


def _placed(
    read: Iterable[Block],
    columns: Iterable[pl.DataFrame],
    groups: Sequence[Partition],
    margins: Sequence[Partition],
    folder: Path,
) -> Blocks[Block]:
    """The blocks with the cells of their records; margins are numbered each by itself, the cells of groups together."""
    blocks = Blocks[Block](folder / "sample")
    starts = np.cumsum([0, *(len(group.levels.levels) for group in groups)])
    for block, part in zip(read, columns, strict=True):
        size = len(block.records)
        cells = [
            first + group.level_of(part, size).astype(np.int64) for first, group in zip(starts, groups, strict=False)
        ]
        places = np.array([group.level_of(part, size) for group in margins]).reshape(len(margins), size)
        blocks.append(Block(replace(block.records, cells=compact(np.stack(cells))), block.history, places))
    return blocks
