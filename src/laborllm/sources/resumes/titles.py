"""Job titles and their codes: each title coded once however many parts it occurs in, and the uncoded ones counted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import polars as pl

from laborllm.occupations import Taxonomy
from laborllm.occupations.coding import TitleCoder, load_coder
from laborllm.occupations.coding.coder import NO_JOB
from laborllm.occupations.coding.corrections import read_corrections
from laborllm.privacy import SMALLEST_CELL
from laborllm.sources.row_counts import LEFT_OUT, first_reason

UNCODED = "title uncoded"
SHOWN = 20  # uncoded titles that a note lists
COUNTED = {"title": pl.String, "rows": pl.UInt32}


@dataclass
class CodedTitles:
    """Codes of the titles seen so far, and how many rows each title without one has."""

    coder: TitleCoder
    threshold: float
    taxonomy: Taxonomy
    known: pl.DataFrame
    counts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=COUNTED))

    @classmethod
    def load(
        cls, threshold: float, states: Sequence[str], corrections: Path | None = None, coder: TitleCoder | None = None
    ) -> Self:
        """A coder, before any title.

        Args:
            threshold: The confidence, 0 to 1, below which a title has no code.
            states: States that the taxonomy of the panel has beyond its occupations.
            corrections: A file of the user's own codes, which come first.
            coder: A coder that is loaded already. Default: the one that comes with laborllm.

        Raises:
            TaxonomyError: A state, threshold or correction that cannot be.
        """
        if coder is None:
            coder = load_coder(corrections)
        elif corrections is not None:
            coder = coder.with_corrections(read_corrections(corrections))
        return cls(coder, threshold, coder.taxonomy.with_states(states), coder.code([], threshold=threshold))

    def add_to(self, years: pl.DataFrame) -> pl.DataFrame:
        """Add `occupation`, and the reason for every main job that has none to `left_out`."""
        titles = years.filter(pl.col(LEFT_OUT).is_null()).select(pl.col("title").unique(maintain_order=True))
        new = titles.join(self.known, on="title", how="anti", maintain_order="left")["title"]
        self.known = pl.concat([self.known, self.coder.code(new, threshold=self.threshold)])
        coded = years.join(self.known, on="title", how="left", maintain_order="left")
        reason = first_reason(
            (pl.col("match") == NO_JOB, "title names no job"),
            (pl.col("code").is_null(), UNCODED),
        )
        coded = coded.with_columns(pl.coalesce(LEFT_OUT, reason)).rename({"code": "occupation"})
        uncoded = coded.filter(pl.col(LEFT_OUT) == UNCODED).group_by("title").agg(rows=pl.len())
        self.counts = pl.concat([self.counts, uncoded]).group_by("title").agg(pl.col("rows").sum())
        return coded

    def uncoded(self) -> pl.DataFrame:
        """Titles without a code and their rows, the most frequent first."""
        return self.counts.sort("rows", "title", descending=[True, False])

    def notes(self) -> dict[str, str]:
        """The threshold, and the most frequent uncoded titles that enough rows have to name nobody."""
        frequent = self.uncoded().filter(pl.col("rows") >= SMALLEST_CELL).head(SHOWN)
        listed = ", ".join(f"{title!r} ({rows:,})" for title, rows in frequent.iter_rows())
        notes = {"confidence of titles": f"at least {self.threshold}"}
        return notes | {"titles uncoded": listed} if listed else notes
