"""Which row counts where a worker has several for one year, by month or by job."""

from dataclasses import dataclass

import polars as pl

from laborllm.errors import SourceError
from laborllm.sources.row_counts import LEFT_OUT

RULES = ("last", "first", "most")
OTHER_ROW = "another row of the year counts"
KEY = ("worker", "year")


@dataclass(frozen=True)
class RowOfYear:
    """Which row of a year counts.

    Attributes:
        rule: `last` or `first` in the order of a column, or `most`: the last row of the occupation that most rows have.
        order: The column, such as a month.
    """

    rule: str
    order: str


def leave_one_row(rows: pl.DataFrame, rule: RowOfYear | None) -> pl.DataFrame:
    """Give all rows of a worker's year but one the reason `OTHER_ROW`. Rows that have a reason already take no part.

    Args:
        rows: Columns worker, year, occupation, left_out, and with a rule the text column order.
        rule: Which row counts; None: a worker has one row a year.

    Returns:
        The rows, with their reasons.

    Raises:
        SourceError: There is no rule, and a worker has several rows in a year.
    """
    if rule is None:
        _require_one_row(rows)
        return rows
    numbered = rows.with_row_index("row")
    usable = numbered.filter(pl.col(LEFT_OUT).is_null()).with_columns(
        number=pl.col("order").cast(pl.Float64, strict=False), times=pl.len().over(*KEY, "occupation")
    )
    ordered = usable.sort("number", "order", "row", nulls_last=False)
    if rule.rule == "most":
        ordered = ordered.sort("times", maintain_order=True)
    if rule.rule == "first":
        ordered = ordered.reverse()
    chosen = ordered.unique(KEY, keep="last")["row"]
    passed_over = pl.col(LEFT_OUT).is_null() & ~pl.col("row").is_in(chosen.implode())
    reason = pl.when(passed_over).then(pl.lit(OTHER_ROW)).otherwise(LEFT_OUT).alias(LEFT_OUT)
    return numbered.with_columns(reason).drop("row")


def _require_one_row(rows: pl.DataFrame) -> None:
    doubled = rows.filter(pl.col(LEFT_OUT).is_null()).filter(pl.struct(KEY).is_duplicated())
    if not doubled.is_empty():
        raise SourceError(
            f"several rows for one worker and year ({doubled.height:,} of {rows.height:,} rows share one): say "
            "in the mapping which of them counts, as in 'row_of_year: {rule: last, order: month}'; rule can be "
            f"{', '.join(RULES)}"
        )
