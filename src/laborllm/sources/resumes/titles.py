"""Job titles and their codes: each title coded once however many parts it occurs in, and the uncoded ones counted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import polars as pl

from laborllm.occupations import Taxonomy
from laborllm.occupations.coding import TitleCoder, load_coder
from laborllm.occupations.coding.coder import NO_JOB
from laborllm.occupations.coding.corrections import read_corrections
from laborllm.occupations.coding.words import state_named
from laborllm.occupations.taxonomy import COARSER
from laborllm.privacy import SMALLEST_CELL
from laborllm.sources.row_counts import LEFT_OUT, first_reason

UNCODED, STATE = "title uncoded", "state"
SHOWN = 20  # uncoded titles that a note lists
COUNTED = {"title": pl.String, "rows": pl.UInt32, "workers": pl.UInt32}


@dataclass
class CodedTitles:
    """Codes of the titles seen so far, and how many rows and workers have each title without one.

    A worker is in one part only."""

    coder: TitleCoder
    threshold: float
    taxonomy: Taxonomy
    known: pl.DataFrame
    counts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=COUNTED))
    states: Counter[str] = field(default_factory=Counter)

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
        self.known = pl.concat([self.known, self._with_states(self.coder.code(new, threshold=self.threshold))])
        coded = years.join(self.known, on="title", how="left", maintain_order="left")
        reason = first_reason(
            (pl.col("match") == NO_JOB, "title names no job"),
            (pl.col("code").is_null(), UNCODED),
        )
        coded = coded.with_columns(pl.coalesce(LEFT_OUT, reason)).rename({"code": "occupation"})
        self.states.update(coded.filter(pl.col(LEFT_OUT).is_null(), match=STATE)["occupation"])
        uncoded = (
            coded.filter(pl.col(LEFT_OUT) == UNCODED)
            .group_by("title")
            .agg(rows=pl.len(), workers=pl.col("worker").n_unique())
        )
        self.counts = pl.concat([self.counts, uncoded]).group_by("title").sum()
        return coded

    def _with_states(self, coded: pl.DataFrame) -> pl.DataFrame:
        """Titles that name a state of the taxonomy, such as "laid off", with its code."""
        named = {title: self._state(title) for title in coded.filter(match=NO_JOB)["title"]}
        code = pl.col("title").replace_strict(named, default=None, return_dtype=pl.String)
        found = pl.when(code.is_not_null())
        return coded.with_columns(
            found.then(code).otherwise("code").alias("code"),
            found.then(1.0).otherwise("confidence").alias("confidence"),
            found.then(pl.lit(STATE)).otherwise("match").alias("match"),
        )

    def _state(self, title: str) -> str | None:
        """The state of the taxonomy that a title names, or the one that holds it."""
        state = state_named(title)
        return next((code for code in (state, COARSER.get(state or "")) if code in self.taxonomy.states), None)

    def uncoded(self) -> pl.DataFrame:
        """Titles without a code, their rows and workers, the most frequent first."""
        return self.counts.sort("rows", "title", descending=[True, False])

    def notes(self) -> dict[str, str]:
        """The threshold, and the most frequent uncoded titles that enough workers have to name nobody."""
        frequent = self.uncoded().filter(pl.col("workers") >= SMALLEST_CELL).head(SHOWN)
        listed = ", ".join(f"{title!r} ({rows:,})" for title, rows, _ in frequent.iter_rows())
        notes = {"confidence of titles": f"at least {self.threshold}"}
        states = ", ".join(f"{state} ({years:,})" for state, years in self.states.most_common())
        notes |= {"years whose title names a state": states} if states else {}
        return notes | {"titles uncoded": listed} if listed else notes
