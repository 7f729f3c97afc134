"""The evaluated records: their histories, their sampling design, the cells they fall into and the draws they share."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from laborllm.errors import PanelError
from laborllm.evaluation.arrays import Bools, Indices, compact
from laborllm.evaluation.design import NONE, SAMPLING, WORKER, Design
from laborllm.evaluation.draws import Draws
from laborllm.evaluation.flow_groups import Flows
from laborllm.evaluation.groups import Group, Levels, columns_of, group_records, margins_of
from laborllm.evaluation.scores.blocks import Blocks
from laborllm.evaluation.scores.portions import observed_portions
from laborllm.evaluation.scores.records import Records
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, over
from laborllm.panel.files.store import Careers
from laborllm.panel.history import KINDS, History
from laborllm.panel.order import worker_index
from laborllm.privacy import failing_magnitudes
from laborllm.privacy.counts import CellCounts
from laborllm.privacy.suppression import withheld_cells


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
        history: Of each.
        margins: The place of each in the partitions that are crossed and not asked for by themselves, (M, n).
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
        asked = {"weight" if weights == SAMPLING else weights, cluster} | ({strata} if strata else set())
        histories = Blocks[History](folder / "histories")
        panel, columns = _observed(careers, taxonomy, asked, by, histories)
        design = Design.of(panel, weights=weights, cluster=cluster, strata=strata)
        found = Draws(int(design.cluster.max()) + 1, design.stratum, draws, seed)
        groups, margins = group_records(columns, by, len(panel)), margins_of(columns, by)
        blocks = _blocks(panel.records[WORKER].to_numpy(), design, histories, groups, margins, folder)
        is_weighted = bool(np.ptp(design.weight))
        return cls(blocks, len(panel), is_weighted, [group.names for group in groups], Flows.of(taxonomy), found)

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
        worker = np.concatenate([block.records.worker for block in self.blocks])
        weight = np.concatenate([block.records.weight for block in self.blocks])
        levels = (np.concatenate([self._levels(block)[at] for block in self.blocks]) for at in range(partitions))
        failing = [failing_magnitudes(level, worker, weight) for level in levels]
        return [each["nk-rule"] | each["p-ratio"] for each in failing]

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


def _observed(
    careers: Careers, taxonomy: Taxonomy, asked: Collection[str], by: Sequence[str], histories: Blocks[History]
) -> tuple[Panel, pl.DataFrame]:
    """The observed records with the columns asked for, or with all where one is unknown: what is made of them then
    names those that there are; and what their groups are made of. Their histories go to a file."""
    parts: list[pl.DataFrame] = []
    columns: list[pl.DataFrame] = []
    workers = 0
    for portion in observed_portions(careers):
        observed = over(portion, taxonomy)
        records, history = observed.records, History.of(observed)
        is_known = set(asked) <= {*records.columns, NONE}
        kept = [name for name in records.columns if name in asked or not is_known]
        number = workers + worker_index(records)
        workers = int(number[-1]) + 1
        short = records.select(kept).with_columns(worker=pl.Series(number, dtype=pl.Int32))
        parts.append(short.cast({pl.String: pl.Categorical}))  # four bytes for a text
        columns.append(columns_of(observed, history, by))
        histories.append(_compact(history))
    if not parts:
        raise PanelError(f"all {len(careers):,} records are open: none has an occupation to score")
    return observed.part(pl.concat(parts)), pl.concat(columns)


def _blocks(
    worker: Indices,
    design: Design,
    histories: Iterable[History],
    groups: Sequence[Group],
    margins: Sequence[Group],
    folder: Path,
) -> Blocks[Block]:
    """What is known of the records, in a file; margins are numbered each by itself, the cells of groups together."""
    blocks, end = Blocks[Block](folder / "sample"), 0
    starts = np.cumsum([0, *(len(group.levels) for group in groups)])
    for history in histories:
        start, end = end, end + len(history.position)
        rows = slice(start, end)
        cells = [first + group.level[rows].astype(np.int64) for first, group in zip(starts, groups, strict=False)]
        records = Records(worker[rows], design.cluster[rows], design.weight[rows], compact(np.stack(cells)))
        places = [group.level[rows] for group in margins]
        blocks.append(Block(records, history, np.array(places).reshape(len(places), end - start)))
    return blocks
