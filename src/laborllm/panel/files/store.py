"""A panel on disk, read some careers at a time, so that memory does not grow with the panel.

Each block of rows that is read holds whole careers, so the checks of a panel are made block by block, once for a row.

    careers = PanelFile.open(path).select(split="test")
    for portion in careers.portions(records=1024):
        ...
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, Self, cast

import numpy as np
import polars as pl

from laborllm.errors import PanelError
from laborllm.occupations import Taxonomy
from laborllm.panel.facts import MARK, Provenance, read_facts
from laborllm.panel.order import first_records
from laborllm.panel.panel import ROWS_TOGETHER, Panel, fingerprint
from laborllm.panel.parquet.read import UNREADABLE, read_mark
from laborllm.panel.schema import SPLITS, RecordError
from laborllm.panel.split import draw_workers, empty_split, held_out


class Careers(Protocol):
    """Careers that can be taken some at a time: a `Panel`, or a `PanelFile`."""

    def __len__(self) -> int:
        """How many records there are."""
        ...

    @property
    def taxonomy(self) -> Taxonomy:
        """The occupations."""
        ...

    @property
    def dataset(self) -> str:
        """The label of the dataset."""
        ...

    @property
    def provenance(self) -> Provenance:
        """Where the records came from."""
        ...

    @property
    def held_out(self) -> str:
        """SHA-256 of who is in split test."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the records and the taxonomy."""
        ...

    def portions(self, records: int) -> Iterator[Panel]:
        """Whole careers of at least `records` records at a time, the last portion aside, in the order of the panel."""
        ...


@dataclass(frozen=True)
class PanelFile:
    """A file that `Panel.save` wrote, or some of its careers.

    Attributes:
        path: The file.
        facts: What it says of all its records: taxonomy, dataset, provenance and so on, as `Panel` takes them.
        split: Careers of this split only; None: of all.
        workers: Careers of these workers only; None: of all.
    """

    path: Path
    facts: dict[str, Any]
    split: str | None = None
    workers: frozenset[str] | None = None

    @classmethod
    def open(cls, path: Path) -> Self:
        """Find the file and read what it says of itself. Raises `PanelError` if it is not a panel."""
        return cls(path, read_facts(read_mark(path, MARK, "panel", "import", PanelError)))

    def select(self, split: str | None = None, workers: int | None = None, *, seed: int = 0) -> Self:
        """Take the careers that `Panel.draw` takes, without reading their records.

        Args:
            split: `train`, `valid` or `test`; None: of all splits.
            workers: How many careers are drawn without replacement; None: all.
            seed: Decides which.

        Returns:
            The file with that selection.

        Raises:
            PanelError: The split is unknown or has no worker, or fewer than one worker is to be drawn.
        """
        if split is not None and split not in SPLITS:
            raise PanelError(f"unknown split {split!r}: use {', '.join(SPLITS)}")
        part = replace(self, split=split)
        if split is not None and all(rows.is_empty() for rows in part._names()):
            raise empty_split(split)
        if workers is None:
            return part
        names = pl.concat(rows["worker"].unique(maintain_order=True) for rows in part._names())
        names = names.unique(maintain_order=True)  # the rows of a career may be in two frames
        return replace(part, workers=frozenset(draw_workers(names, workers, seed=seed)))

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._names())

    @property
    def taxonomy(self) -> Taxonomy:
        """What the occupations are codes of."""
        return cast(Taxonomy, self.facts["taxonomy"])

    @property
    def dataset(self) -> str:
        """The label of the panel."""
        return str(self.facts["dataset"])

    @property
    def provenance(self) -> Provenance:
        """Where the records are from."""
        return cast(Provenance, self.facts["provenance"])

    @cached_property
    def held_out(self) -> str:
        """SHA-256 of who is in split test. Raises `PanelError` for a file that is not in the order of its workers."""
        return held_out(self._names_in_order())

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the records and the taxonomy: the fingerprint of the panel that these careers are."""
        frames = (block.records for block in self._blocks())
        return fingerprint(self.facts["taxonomy"], self.facts["dataset"], frames)

    def portions(self, records: int) -> Iterator[Panel]:
        """Whole careers of at least `records` records at a time, the last portion aside, in the order of the panel.

        Raises:
            PanelError: Rows do not form a panel, or are not in the order of their workers.
        """
        waiting: Panel | None = None
        for block in self._blocks():
            together = block if waiting is None else block.part(pl.concat([waiting.records, block.records]))
            *whole, waiting = together.portions(records)
            yield from whole
        if waiting is not None:
            yield waiting

    def spans(self, records: int) -> Iterator[tuple[int, int, int]]:
        """Where `portions(records)` lie in the file, so that any process can read one of them with `rows`.

        Only names of workers and splits are read.

        Yields:
            The first row, the row after the last, and how many records of the selection are between them.
        """
        start = before_start = 0
        row = before_row = 0
        last = ""
        for rows in self._all_names():
            first = first_records(rows)
            first[0] = rows["worker"][0] != last
            last = rows["worker"][-1]
            chosen = rows.with_columns(self._is_chosen())["chosen"].to_numpy()
            before = before_row + np.append(0, np.cumsum(chosen))
            careers = np.flatnonzero(first)
            while (place := int(np.searchsorted(before[careers], before_start + records))) < len(careers):
                end, before_end = row + int(careers[place]), int(before[careers[place]])
                yield start, end, before_end - before_start
                start, before_start = end, before_end
            row, before_row = row + len(rows), int(before[-1])
        if before_row > before_start:
            yield start, row, before_row - before_start

    def rows(self, start: int, end: int) -> Panel:
        """The careers of the selection that lie between two rows of the file, as `spans` gives them.

        Args:
            start: The first row.
            end: The row after the last.

        Returns:
            The careers.

        Raises:
            PanelError: The file is torn, or its rows do not form a panel.
        """
        block = self._panel(self._read(start, end - start), start)
        return block.part(self._chosen(block.records))

    def _names_in_order(self) -> Iterator[pl.DataFrame]:
        """The names; those of a career may be in two frames."""
        last = ""
        for rows in self._names():
            names = rows["worker"].sort()
            if len(names):
                if names[0] < last:
                    raise self._unordered
                last = names[-1]
            yield rows

    @property
    def _unordered(self) -> PanelError:
        return PanelError(f"{self.path} is not in the order of its workers: load it and save it again")

    def _names(self) -> Iterator[pl.DataFrame]:
        """Worker and split of the records that are selected, some rows at a time."""
        return map(self._chosen, self._all_names())

    def _all_names(self) -> Iterator[pl.DataFrame]:
        """Worker and split of all records of the file, `ROWS_TOGETHER` rows at a time."""
        rows = pl.scan_parquet(self.path).select("worker", "split")
        for start in range(0, self._rows, ROWS_TOGETHER):
            yield self._collect(rows.slice(start, ROWS_TOGETHER))

    def _blocks(self) -> Iterator[Panel]:
        """The careers that are selected, about `ROWS_TOGETHER` rows of the file at a time."""
        for block in self._all_blocks():
            chosen = self._chosen(block.records)
            if len(chosen):
                yield block.part(chosen)

    def _chosen(self, records: pl.DataFrame) -> pl.DataFrame:
        return records if self.split is None and self.workers is None else records.filter(self._is_chosen())

    def _is_chosen(self) -> pl.Expr:
        """Whether a record is of a career that is selected."""
        chosen = pl.lit(True) if self.split is None else pl.col("split") == self.split
        if self.workers is not None:
            chosen &= pl.col("worker").is_in(self.workers)
        return chosen.alias("chosen")

    def _all_blocks(self) -> Iterator[Panel]:
        """All careers of the file; the last one of a block waits for the rows that it may have in the next."""
        waiting: pl.DataFrame | None = None
        last = ""
        for start in range(0, self._rows, ROWS_TOGETHER):
            read = self._read(start, ROWS_TOGETHER)
            rows = read if waiting is None else pl.concat([waiting, read])
            is_end = start + ROWS_TOGETHER >= self._rows
            end = len(rows) if is_end else int(first_records(rows).nonzero()[0][-1])
            waiting = rows[end:]
            if not end:
                continue
            block = self._panel(rows[:end], start + len(read) - len(rows))
            if block.records["worker"][0] <= last:
                raise self._unordered
            last = block.records["worker"][-1]
            yield block

    def _panel(self, rows: pl.DataFrame, first: int) -> Panel:
        """The rows of the file from row `first` on as a panel; one that is at fault is named by its row in the file."""
        try:
            return Panel(rows, **self.facts)
        except RecordError as error:
            raise PanelError(f"{self.path}, row {first + error.position + 1:,}: {error.fault}") from error

    def _read(self, start: int, rows: int) -> pl.DataFrame:
        return self._collect(pl.scan_parquet(self.path).slice(start, rows))

    @cached_property
    def _rows(self) -> int:
        return int(self._collect(pl.scan_parquet(self.path).select(pl.len())).item())

    def _collect(self, rows: pl.LazyFrame) -> pl.DataFrame:
        try:
            return rows.collect()
        except UNREADABLE as error:
            raise PanelError(f"{self.path} cannot be read: it is torn or was changed") from error
