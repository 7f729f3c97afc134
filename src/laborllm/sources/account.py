"""The end of every import: rows become a panel, and each row that does not is counted under its reason."""

import polars as pl

from laborllm.errors import SourceError
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance, assign_split

LEFT_OUT = "left_out"


def first_reason(*reasons: tuple[pl.Expr, str]) -> pl.Expr:
    """The column `left_out`: the text of the first condition that holds for a row, null for a row to keep."""
    texts = [pl.when(condition).then(pl.lit(reason)) for condition, reason in reasons]
    return pl.coalesce(*texts, pl.lit(None, pl.String)).alias(LEFT_OUT)


def left_out(rows: pl.DataFrame) -> dict[str, int]:
    """Reason -> rows, the most frequent first."""
    counts = rows[LEFT_OUT].drop_nulls().value_counts(name="rows")
    return dict(counts.sort("rows", LEFT_OUT, descending=[True, False]).iter_rows())


def finish_panel(
    records: pl.DataFrame,
    provenance: Provenance,
    taxonomy: Taxonomy,
    dataset: str,
    *,
    seed: int,
    weight_kind: str = "none",
) -> Panel:
    """Split the records by worker and make them a panel.

    Raises `SourceError` if records and rows left out do not add up to the rows read, or if no record is left, and
    `PanelError` for records that do not form a panel, such as a doubled worker-year.
    """
    uncounted = provenance.rows_in - records.height - sum(provenance.left_out.values())
    if uncounted:
        raise SourceError(f"{provenance.rows_in} rows were read, but {uncounted} are neither kept nor left out")
    if records.is_empty():
        reasons = ", ".join(f"{count} {reason}" for reason, count in provenance.left_out.items())
        raise SourceError(f"no row is left to make a panel of ({reasons or 'there were none'})")
    return Panel(assign_split(records, seed=seed), taxonomy, dataset, provenance, weight_kind)
