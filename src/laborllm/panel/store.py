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
from typing import Any, Protocol, Self

import polars as pl

from laborllm.errors import PanelError
from laborllm.panel.order import first_records
from laborllm.panel.panel import MARK, ROWS_TOGETHER, Panel, draw_workers, fingerprint, read_facts
from laborllm.panel.parquet import UNREADABLE, read_mark
from laborllm.panel.schema import SPLITS


class Careers(Protocol):
    """Careers that can be taken some at a time: a `Panel`, or a `PanelFile`."""

    def __len__(self) -> int:
        """How many records there are."""
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
        if split is not None and part._scan().head(1).collect().is_empty():
            raise PanelError(f"no worker of the panel is in split {split}")
        if workers is None:
            return part
        names = part._scan().select(pl.col("worker").unique(maintain_order=True)).collect()["worker"]
        return replace(part, workers=frozenset(draw_workers(names, workers, seed=seed)))

    def __len__(self) -> int:
        return int(self._scan().select(pl.len()).collect().item())

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

    def _blocks(self) -> Iterator[Panel]:
        """The careers that are selected, about `ROWS_TOGETHER` rows of the file at a time."""
        for block in self._all_blocks():
            chosen = block.records
            if self.split is not None:
                chosen = chosen.filter(pl.col("split") == self.split)
            if self.workers is not None:
                chosen = chosen.filter(pl.col("worker").is_in(self.workers))
            if len(chosen):
                yield block.part(chosen)

    def _all_blocks(self) -> Iterator[Panel]:
        """All careers of the file; the last one of a block waits for the rows that it may have in the next."""
        waiting: pl.DataFrame | None = None
        last = ""
        for start in range(0, self._rows, ROWS_TOGETHER):
            rows = self._read(start) if waiting is None else pl.concat([waiting, self._read(start)])
            is_end = start + ROWS_TOGETHER >= self._rows
            end = len(rows) if is_end else int(first_records(rows).nonzero()[0][-1])
            waiting = rows[end:]
            if not end:
                continue
            block = Panel(rows[:end], **self.facts)
            if block.records["worker"][0] <= last:
                raise PanelError(f"{self.path} is not in the order of its workers: load it and save it again")
            last = block.records["worker"][-1]
            yield block

    def _read(self, start: int) -> pl.DataFrame:
        try:
            return pl.scan_parquet(self.path).slice(start, ROWS_TOGETHER).collect()
        except UNREADABLE as error:
            raise PanelError(f"{self.path} cannot be read: it is torn or was changed") from error

    @cached_property
    def _rows(self) -> int:
        return int(pl.scan_parquet(self.path).select(pl.len()).collect().item())

    def _scan(self) -> pl.LazyFrame:
        """Worker and split of the records that are selected."""
        rows = pl.scan_parquet(self.path).select("worker", "split")
        rows = rows if self.split is None else rows.filter(pl.col("split") == self.split)
        return rows if self.workers is None else rows.filter(pl.col("worker").is_in(self.workers))
