"""Careers of many workers in one table, checked on the way in."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from laborllm.errors import PanelError
from laborllm.occupations import Taxonomy
from laborllm.panel.facts import MARK, Provenance, facts_as_metadata, read_facts
from laborllm.panel.order import first_records
from laborllm.panel.parquet.read import read_marked
from laborllm.panel.schema import SCHEMA, SPLITS, check, conform
from laborllm.panel.split import draw_workers, empty_split, held_out, resample_training
from laborllm.storage import new_file

ROWS_TOGETHER = 2**14  # rows of a file that are read at a time
LAST_YEAR = 9999
LONGEST_LABEL = 200  # letters


@dataclass(frozen=True)
class Panel:
    """One row per record (a worker in a year), sorted by worker and year.

    The last records of a career may be open: their year and covariates are known, their occupation is not yet (null). A
    model forecasts them, a fit and an evaluation leave them out.

    Columns beyond those of `SCHEMA` are the user's own: they ride along for grouping, clustering, weighting and export,
    and no text or model reads them.

    Attributes:
        records: Columns worker, year, occupation, split, and more of `SCHEMA` and the user's own.
        taxonomy: What the occupations are codes of.
        dataset: The label that career texts use ("NLSY97"), unless a record has its own.
        provenance: Where the records are from, with counts of every row that was read.
        weight_kind: What the column weight means ("none", "sampling").
        split_by: The column whose values the split keeps whole.

    Raises:
        PanelError: The records do not form a panel; the first row at fault is named.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> panel.records["worker"].n_unique() == panel.workers
        True
    """

    records: pl.DataFrame
    taxonomy: Taxonomy
    dataset: str
    provenance: Provenance
    weight_kind: str = "none"
    split_by: str = "worker"

    def __post_init__(self) -> None:
        if len(self.dataset) > LONGEST_LABEL:
            raise PanelError(
                f"the label of the dataset has {len(self.dataset):,} letters, and stands in the text of every career: "
                f"give it at most {LONGEST_LABEL}"
            )
        records = conform(self.records)
        check(records, self.taxonomy, self.split_by)
        object.__setattr__(self, "records", records.sort("worker", "year"))

    def __repr__(self) -> str:
        """Sizes, and no record: what is printed of a panel may end up in a log."""
        size = f"{len(self):,} records of {self.workers:,} workers"
        return f"Panel({self.dataset}: {size} over {len(self.taxonomy)} occupations of {self.taxonomy.name})"

    def __len__(self) -> int:
        return self.records.height

    @property
    def workers(self) -> int:
        """How many workers there are."""
        return self.records["worker"].n_unique()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the user's own columns."""
        return tuple(name for name in self.records.columns if name not in SCHEMA)

    @property
    def open_records(self) -> int:
        """How many records are open: their occupation is not known yet."""
        return self.records["occupation"].null_count()

    def observed(self) -> Self:
        """The panel without its open records.

        Returns:
            The smaller panel, or this one where no record is open.

        Raises:
            PanelError: No record is left.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=50)
            >>> len(panel.open(years=[2031]).observed()) == len(panel)
            True
        """
        if not self.open_records:
            return self
        if self.open_records == len(self):
            raise PanelError(f"all {len(self):,} records are open: none has an occupation to learn from or to score")
        return self.part(self.records.filter(pl.col("occupation").is_not_null()))

    def open(self, years: Iterable[int]) -> Self:
        """Add an open record for each year to every career; all else is as in its last record.

        Args:
            years: Calendar years, all after the last record of every career.

        Returns:
            The larger panel: a model that forecasts it says where every worker is in these years.

        Raises:
            PanelError: No year is given, or one is not after the last record of every career.

        Examples:
            >>> import laborllm as ll
            >>> ll.import_synthetic(workers=50).open(years=[2031, 2033]).open_records
            100
        """
        last = self.records.group_by("worker", maintain_order=True).last()
        asked = pl.Series("year", sorted(set(years)), pl.Int64)
        if asked.is_empty():
            raise PanelError("no year to open records for: give at least one")
        if asked[-1] > LAST_YEAR:
            raise PanelError(f"a record cannot be opened in {asked[-1]}: years have up to four digits")
        ends = last["year"].to_list()
        if max(ends) >= asked[0]:
            late = sum(end >= asked[0] for end in ends)
            raise PanelError(
                f"{late:,} careers have a record in {asked[0]} or later: a record can be "
                "opened only after the last of its career",
                hint="ask for a later year; a list of jobs is true to the date of its file, or to what --as-of says",
            )
        opened = last.drop("year").join(asked.to_frame(), how="cross").with_columns(pl.lit(None).alias("occupation"))
        return replace(self, records=pl.concat([self.records, conform(opened)]))

    def subset(self, split: str) -> Self:
        """The careers of one split.

        Args:
            split: `train`, `valid` or `test`.

        Returns:
            The smaller panel.

        Raises:
            PanelError: An unknown split, or one without workers.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=50)
            >>> sum(panel.subset(split).workers for split in ("train", "valid", "test"))
            50
        """
        if split not in SPLITS:
            raise PanelError(f"unknown split {split!r}: use {', '.join(SPLITS)}")
        records = self.records.filter(pl.col("split") == split)
        if records.is_empty():
            raise empty_split(split)
        return self.part(records)

    def sample(self, workers: int, *, seed: int) -> Self:
        """Draw whole careers without replacement.

        Args:
            workers: How many careers; all of them if there are no more.
            seed: Decides which.

        Returns:
            The panel of these careers, in the order they had.

        Raises:
            PanelError: Fewer than one worker is to be drawn.

        Examples:
            >>> import laborllm as ll
            >>> ll.import_synthetic(workers=50).sample(10, seed=0).workers
            10
        """
        chosen = draw_workers(self.records["worker"].unique(maintain_order=True), workers, seed=seed)
        return self.part(self.records.filter(pl.col("worker").is_in(chosen.implode())))

    def draw(self, split: str | None, workers: int | None, *, seed: int) -> Self:
        """Take whole careers of one split, or some of them drawn without replacement.

        Args:
            split: `train`, `valid` or `test`; None: of all splits.
            workers: How many careers are drawn; None: all.
            seed: Decides which.

        Returns:
            The panel of these careers, in the order they had.

        Raises:
            PanelError: An unknown split, one without workers, or fewer than one worker is to be drawn.

        Examples:
            >>> import laborllm as ll
            >>> ll.import_synthetic(workers=50).draw("train", 10, seed=0).workers
            10
        """
        careers = self if split is None else self.subset(split)
        return careers if workers is None else careers.sample(workers, seed=seed)

    def portions(self, records: int) -> Iterator[Self]:
        """Whole careers, some at a time, in the order of the panel.

        Args:
            records: How many records a portion has at least, the last one aside.

        Yields:
            Panels.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=50)
            >>> sum(portion.workers for portion in panel.portions(100))
            50
        """
        starts = np.flatnonzero(first_records(self.records))
        bounds = [0]
        while bounds[-1] < len(self):
            after = np.searchsorted(starts, bounds[-1] + records)
            bounds.append(int(starts[after]) if after < len(starts) else len(self))
        for start, end in pairwise(bounds):
            yield self.part(self.records[start:end])

    def with_training(self, workers: int, *, seed: int) -> Self:
        """Keep some of the training careers, drawn without replacement, and all careers of the other splits.

        Args:
            workers: How many training careers to keep; all of them if there are no more.
            seed: Decides which.

        Returns:
            The smaller panel.

        Raises:
            PanelError: Split train has no workers, or fewer than one is to be kept.

        Examples:
            >>> import laborllm as ll
            >>> ll.import_synthetic(workers=50).with_training(5, seed=0).subset("train").workers
            5
        """
        chosen = self.subset("train").sample(workers, seed=seed).records["worker"].unique()
        return self.part(self.records.filter((pl.col("split") != "train") | pl.col("worker").is_in(chosen.implode())))

    def resampled(self, *, seed: int) -> Self:
        """Draw the training careers with replacement, by household where the panel has them; the others stay.

        Some 37 % of them are left out, and one that is drawn several times is several workers. Fits on several such
        panels differ by what the careers do not say of the model (Efron 1979).

        Args:
            seed: Decides who is drawn.

        Returns:
            The panel.

        Raises:
            PanelError: A negative seed, or split train has no workers.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=50)
            >>> panel.resampled(seed=0).subset("train").workers == panel.subset("train").workers
            True
        """
        if seed < 0 or "train" not in self.records["split"]:
            raise PanelError(f"careers of split train are drawn with a seed of 0 or more, not {seed}")
        return self.with_records(resample_training(self.records, self.split_by, seed=seed))

    def with_records(self, records: pl.DataFrame) -> Self:
        """Other records, checked and sorted, with the taxonomy, dataset and provenance of this panel.

        Args:
            records: Columns as in `records`.

        Returns:
            The panel.

        Raises:
            PanelError: They do not form a panel.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=50)
            >>> in_the_west = panel.with_records(panel.records.with_columns(region=pl.lit("west")))
            >>> in_the_west.records["region"].unique().to_list()
            ['west']
        """
        return replace(self, records=records)

    def part(self, records: pl.DataFrame) -> Self:
        """A panel of some of these records, in their order.

        They are not checked again: a record that follows an open one must be open too.

        Args:
            records: Rows of `records`.

        Returns:
            The smaller panel.

        Raises:
            PanelError: There are no records.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=50)
            >>> len(panel.part(panel.records.filter(pl.col("gender") == "female"))) < len(panel)
            True
        """
        if records.is_empty():
            raise PanelError("the selection holds no records")
        part = object.__new__(type(self))
        vars(part).update({field.name: getattr(self, field.name) for field in fields(self)}, records=records)
        return part

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the records and the taxonomy: equal for equal panels, silent about any row."""
        return fingerprint(self.taxonomy, self.dataset, [self.records])

    @cached_property
    def held_out(self) -> str:
        """SHA-256 of who is in split test: equal for panels that hold the same workers out, whatever they train on."""
        return held_out([self.records])

    def save(self, path: str | Path) -> None:
        """Write one Parquet file; what is not a record goes into its metadata.

        Args:
            path: The file.

        Raises:
            StorageError: It cannot be written.

        Examples:
            >>> import laborllm as ll
            >>> ll.import_synthetic(workers=50).save("panel.parquet")
            >>> Path("panel.parquet").is_file()
            True
        """
        facts = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "records"}
        with new_file(Path(path)) as file:
            self.records.write_parquet(file, metadata=facts_as_metadata(**facts), row_group_size=ROWS_TOGETHER)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a file that `save` wrote.

        Args:
            path: The file.

        Returns:
            The panel, checked.

        Raises:
            PanelError: It is not one.

        Examples:
            >>> import laborllm as ll
            >>> ll.import_synthetic(workers=50).save("panel.parquet")
            >>> ll.Panel.load("panel.parquet").workers
            50
        """
        records, about = read_marked(Path(path), MARK, "panel", "import", PanelError)
        return cls(records, **read_facts(about))


def fingerprint(taxonomy: Taxonomy, dataset: str, frames: Iterable[pl.DataFrame]) -> str:
    """SHA-256 of records that come as several frames, such as a panel that is read block by block.

    Args:
        taxonomy: The panel's taxonomy.
        dataset: The panel's label.
        frames: All records, in the order of the panel.

    Returns:
        The hash in hexadecimal, equal for the same panel however it is cut into frames.
    """
    digest = hashlib.sha256(taxonomy.to_json().encode())
    digest.update(dataset.encode())
    for number, frame in enumerate(frames):
        digest.update(frame.write_csv(include_header=number == 0).encode())
    return digest.hexdigest()
