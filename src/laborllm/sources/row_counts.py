"""The end of every import: rows become a panel, and each row that does not is counted under its reason."""

from collections.abc import Container, Iterable, Mapping

import polars as pl

from laborllm.errors import SourceError
from laborllm.occupations import Crosswalk, Taxonomy
from laborllm.panel import Panel, Provenance, assign_split, default_split
from laborllm.sources.formats import values

LEFT_OUT = "left_out"


def first_reason(*reasons: tuple[pl.Expr, str]) -> pl.Expr:
    """The column `left_out`: the text of the first condition that holds for a row, null for a row to keep."""
    texts = [pl.when(condition).then(pl.lit(reason)) for condition, reason in reasons]
    return pl.coalesce(*texts, pl.lit(None, pl.String)).alias(LEFT_OUT)


def left_out(rows: pl.DataFrame) -> dict[str, int]:
    """Reason -> rows, the most frequent first."""
    counts = rows[LEFT_OUT].drop_nulls().value_counts(name="rows")
    return dict(counts.sort("rows", LEFT_OUT, descending=[True, False]).iter_rows())


def answered(rows: pl.DataFrame, columns: Iterable[str]) -> list[str]:
    """The `columns` that some row has an answer in."""
    return [name for name in columns if rows[name].null_count() < rows.height]


def count_codes(codes: pl.Series) -> dict[str, int]:
    """Occupation code -> rows, the most frequent first."""
    counts = codes.rename("code").value_counts(name="rows")
    return dict(counts.sort("rows", "code", descending=[True, False]).iter_rows())


def coverage(codes: Mapping[str, int], targets: Container[str], crosswalks: Iterable[Crosswalk]) -> dict[str, str]:
    """Notes on which codes have a place in the taxonomy, and which have not.

    Args:
        codes: Code -> rows.
        targets: The codes that have a place.
        crosswalks: What led them there, for the note.

    Returns:
        Name of each note -> its text.
    """
    led = [f"{crosswalk.name} to {crosswalk.target} ({crosswalk.source})" for crosswalk in crosswalks]
    mapped = {code: count for code, count in codes.items() if code in targets}
    without = [f"{code} ({values.rows(count)})" for code, count in codes.items() if code not in targets]
    return {
        "crosswalk": "; ".join(led) or "none",
        "codes mapped": f"{len(mapped)} of {len(codes)}, in {values.rows(sum(mapped.values()))}",
        "codes not in taxonomy": ", ".join(without) or "none",
    }


def finish_panel(
    records: pl.DataFrame,
    provenance: Provenance,
    taxonomy: Taxonomy,
    dataset: str,
    *,
    seed: int,
    weight_kind: str = "none",
    split_by: str | None = None,
) -> Panel:
    """Split records and make them a panel.

    Args:
        records: The rows to keep, with the columns of a panel but the split.
        provenance: Where they are from, with counts of all rows.
        taxonomy: What the occupations are codes of.
        dataset: The label of the panel.
        seed: Decides who is in which split.
        weight_kind: What the column weight means ("none", "sampling").
        split_by: The column whose values the split keeps whole; None: what `default_split` says.

    Returns:
        The panel.

    Raises:
        SourceError: Records and rows left out do not add up to the rows read, or no record is left.
        PanelError: Records that do not form a panel, such as a doubled worker-year.
    """
    require_rows(records.height, provenance)
    by = split_by or default_split(records)
    split = assign_split(records, seed=seed, by=by)
    return Panel(split, taxonomy, dataset, provenance, weight_kind, by)


def require_rows(records: int, provenance: Provenance) -> None:
    """Raise `SourceError` if records and rows left out do not add up to the rows read, or if no record is left."""
    uncounted = provenance.rows_in - records - sum(provenance.left_out.values())
    if uncounted:
        raise SourceError(f"{provenance.rows_in} rows were read, but {uncounted} are neither kept nor left out")
    if not records:
        reasons = ", ".join(f"{count} {reason}" for reason, count in provenance.left_out.items())
        raise SourceError(f"no row is left to make a panel of ({reasons or 'there were none'})")
