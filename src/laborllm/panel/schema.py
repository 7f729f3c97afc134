"""What the records of a panel look like, checked once: where rows come in."""

import polars as pl

from laborllm.errors import PanelError
from laborllm.occupations import Taxonomy

SCHEMA: dict[str, pl.DataType] = {
    "worker": pl.String(),
    "year": pl.Int16(),
    "occupation": pl.String(),
    "education": pl.String(),
    "gender": pl.String(),
    "ethnicity": pl.String(),
    "region": pl.String(),
    "birth_year": pl.Int16(),
    "weight": pl.Float64(),
    "split": pl.String(),
    "dataset": pl.String(),
}
"""The columns that every panel has. A missing covariate is null; worker, year and split are never null, occupation only
where a record is open. `dataset` is null but for workers of a pooled panel who come from another panel (see `mixing`).
The user's own columns come after them."""

CONTROL = r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+"
"""Characters that steer a terminal or hide text: control codes, line separators, marks of direction, zero widths."""

COVARIATES = ("education", "gender", "ethnicity", "region", "birth_year")
STATIC = ("gender", "ethnicity", "birth_year")
SPLITS = ("train", "valid", "test")
YEARS = (1900, 2100)


class RecordError(PanelError):
    """A record that cannot be in a panel.

    Args:
        position: Its place among the records, from 0.
        fault: What is wrong with it.
        rows: How many of the records that were checked have this fault.

    Attributes:
        what: The fault, and how many records have it where several do.
    """

    def __init__(self, position: int, fault: str, rows: int = 1) -> None:
        self.position, self.fault = position, fault
        self.what = f"{fault}; {rows:,} rows in all" if rows > 1 else fault
        super().__init__(f"row {position + 1:,}: {self.what}")


def conform(records: pl.DataFrame) -> pl.DataFrame:
    """Give the columns of `SCHEMA` their order and types; missing covariates become null columns, and the user's own
    columns come last, by name. Raises `PanelError` for a column that is missing or has the wrong type."""
    for name in ("worker", "year", "occupation", "split"):
        if name not in records.columns:
            raise PanelError(f"the records have no column {name!r}")
    columns = [pl.col(name) if name in records.columns else pl.lit(None).alias(name) for name in SCHEMA]
    try:
        known = records.select(columns).cast(SCHEMA)  # type: ignore[arg-type]
    except pl.exceptions.PolarsError as error:
        where = f"a column has the wrong type: {_wrong_column(records.select(columns))}"
        raise PanelError(where, cells=str(error).splitlines()[0]) from error
    return known.with_columns(_own_column(records[name]) for name in sorted(set(records.columns) - set(SCHEMA)))


def _wrong_column(records: pl.DataFrame) -> str:
    """The first column that cannot be cast to its type, and the first row that cannot, as an error names them."""
    for name, kind in SCHEMA.items():
        try:
            cast = records[name].cast(kind, strict=False)
        except pl.exceptions.PolarsError:
            return f"{name} is {records[name].dtype}"
        rows = (cast.is_null() & records[name].is_not_null()).arg_true()
        if len(rows):
            return f"{name}, the first in row {rows[0] + 1:,}"
    return "unknown"


def check(records: pl.DataFrame, taxonomy: Taxonomy, split_by: str) -> None:
    """Check that records are those of a panel.

    Args:
        records: Rows whose columns conform to `SCHEMA`, in any order.
        taxonomy: What the occupations are codes of.
        split_by: The column whose values the split keeps whole.

    Raises:
        PanelError: They are not; the first row at fault is named.
    """
    if records.is_empty():
        raise PanelError("the panel is empty: no records are left")
    for name in ("worker", "year", "split"):
        _refuse(records, pl.col(name).is_null(), f"{name} is missing")
    if records["occupation"].null_count():
        following = pl.col("occupation").shift(-1).over("worker", order_by="year")
        missing = pl.col("occupation").is_null() & following.is_not_null()
        _refuse(records, missing, "occupation is missing, and a later record of the worker has one")
    known = pl.Series(taxonomy.codes).implode()
    _refuse(records, ~pl.col("occupation").is_in(known), f"occupation is not in taxonomy {taxonomy.name}")
    _refuse(records, ~pl.col("split").is_in(SPLITS), f"split is not one of {', '.join(SPLITS)}")
    _refuse(records, ~pl.col("year").is_between(*YEARS), f"year is outside {YEARS[0]}-{YEARS[1]}")
    _refuse(records, pl.col("birth_year") > pl.col("year"), "birth_year is after the year of the record")
    _refuse(records, (pl.col("weight") < 0) | ~pl.col("weight").is_finite(), "weight is negative or not finite")
    _refuse(records, pl.struct("worker", "year").is_duplicated(), "the same worker and year occur twice")
    for name, kind in records.schema.items():
        if kind == pl.String and name not in ("occupation", "split"):
            _refuse(records, pl.col(name).str.contains(CONTROL), f"{name} holds a character that steers a terminal")
    for name in (*STATIC, "split", "dataset"):
        _refuse(records, _varies(name, "worker"), f"{name} differs between records of one worker")
    if split_by != "worker":
        _check_split(records, split_by)


def _check_split(records: pl.DataFrame, by: str) -> None:
    """All workers with one value of the column `by` are in one split."""
    if by not in records.columns:
        raise PanelError(f"the split is by {by!r}, and the records have no such column")
    _refuse(records, _varies(by, "worker"), f"{by} differs between records of one worker, so no split can be by it")
    apart = pl.col(by).is_not_null() & _varies("split", "dataset", by)
    _refuse(records, apart, f"split differs between workers of one {by}")


def _varies(name: str, *groups: str) -> pl.Expr:
    return pl.col(name).drop_nulls().n_unique().over(groups) > 1


def own_kind(kind: pl.DataType) -> str:
    """What a column of the user's own holds, in words."""
    return {pl.String: "text", pl.Int64: "integers", pl.Float64: "numbers", pl.Boolean: "true or false"}[type(kind)]


def _own_column(values: pl.Series) -> pl.Series:
    """A column of the user's own in one of the kinds a panel keeps: text, integer, number, true or false."""
    kind = values.dtype
    if not values.name.strip() or not values.name.isprintable():
        raise PanelError(f"a column cannot be called {values.name!r}: its name must be a plain line")
    if kind.is_float():
        return values.cast(pl.Float64).fill_nan(None)
    if kind.is_integer():
        return values.cast(pl.Int64)
    if kind in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        return values.cast(pl.String)
    if kind != pl.Boolean:
        raise PanelError(f"column {values.name!r} is {kind}: a panel keeps text, integers, numbers, and true or false")
    return values


def _refuse(records: pl.DataFrame, bad: pl.Expr, message: str) -> None:
    """Raise `RecordError` for the first row that is bad, with neither the name nor a value of the worker in it."""
    offending = records.select(bad.arg_true()).to_series()
    if len(offending):
        raise RecordError(offending[0], message, len(offending))
