"""Forecasts as tables for other programs: Parquet, CSV and Stata, a row per occupation or a column per occupation.

write_forecast(forecast, panel, "next.dta", layout="wide")
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import polars as pl

from laborllm.errors import CapacityError, OptionError
from laborllm.forecasting.frequencies import TOP, next_frequencies
from laborllm.models.forecasts.forecast import Forecast
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.privacy.outputs import Output, new_output
from laborllm.storage import new_file

Layout = Literal["long", "wide", "people"]

FORMATS = (".parquet", ".csv", ".dta")
NAME_LENGTH, LABEL_LENGTH, STATA_COLUMNS = 32, 80, 32_767  # limits of Stata (help limits)
STATA_ROWS = 10_000_000  # a .dta file is made of rows in memory, some hundred bytes each
STATA_LONG, STATA_WHOLE = 2_147_483_620, 2**53  # the largest long, and the last whole number that has a double


def write_forecast(
    forecast: Forecast,
    panel: Panel,
    path: str | Path,
    *,
    layout: Layout = "long",
    top: int | None = None,
    splits: bool = True,
) -> int:
    """Write a forecast as a table that pandas, R and Stata open.

    Args:
        forecast: The forecast of n records over J occupations.
        panel: Whose records they are; it says in which split each worker is.
        path: File to write, whose name ends in .parquet, .csv or .dta.
        layout: `long`, a row per record and occupation: worker, year, split, code, title, probability, the most
            probable first; `wide`, a row per record: worker, year, split, occupation (what was observed), and a column
            of probabilities per occupation, named p_ and the code, in Stata labelled with the title; `people`, the rows
            of `next_frequencies`.
        top: Only this many occupations of each record, not in the wide layout. Default: all, and 5 of `people`.
        splits: Write the column split: not of people who are no part of a fit.

    Returns:
        How many rows were written.

    Raises:
        OptionError: A name that says no format, an unknown layout, or a `top` that makes no sense.
        CapacityError: More occupations than Stata has columns.
        StorageError: The file cannot be written.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> next_year = ll.forecast(ll.fit("transition", panel), panel, year=2031)
        >>> ll.write_forecast(next_year, panel, "next.csv", top=3)
        150
    """
    path = Path(path)
    require_table(path, layout, top)
    if layout == "people":
        table = next_frequencies(forecast, panel, top=top or TOP)
    else:
        table = long_table(forecast, panel, top) if layout == "long" else wide_table(forecast, panel)
        table = table if splits else table.drop("split")
    labels = dict(zip(probability_columns(forecast.taxonomy), forecast.taxonomy.titles, strict=True))
    write_table(table, path, labels if layout == "wide" else {})
    return table.height


def write_table(
    table: pl.DataFrame, path: Path, labels: Mapping[str, str] | None = None, *, outputs: Sequence[Output] = ()
) -> None:
    """Write rows as .parquet, .csv or .dta, as the name of `path` says.

    Args:
        table: The rows.
        path: File to write.
        labels: Variable labels by column, which Stata shows.
        outputs: What the `disclosure.json` beside it says was checked. Default: it is not listed there.

    Raises:
        CapacityError: More columns than Stata holds.
        StorageError: The file cannot be written.
    """
    with new_output(path, outputs) if outputs else new_file(path) as file:
        if path.suffix == ".parquet":
            table.write_parquet(file)
        elif path.suffix == ".csv":
            table.write_csv(file)
        else:
            _write_stata(table, file, labels or {})


def convert_table(whole: Path, path: Path) -> None:
    """Write a Parquet file as .csv, some rows at a time, or as .dta, which is written from memory.

    Args:
        whole: The Parquet file.
        path: File to write.

    Raises:
        CapacityError: More rows than are written to Stata's format; `whole` then stays.
        StorageError: The file cannot be written.
    """
    rows = pl.scan_parquet(whole)
    if path.suffix == ".csv":
        with new_file(path) as file:
            rows.sink_csv(file)
        return
    count = int(rows.select(pl.len()).collect().item())
    if count > STATA_ROWS:
        raise CapacityError(
            f"{count:,} rows are more than the {STATA_ROWS:,} that are written as .dta from memory: they are in {whole}"
        )
    write_table(rows.collect(), path)


def require_table(path: Path, layout: str, top: int | None) -> None:
    """Refuse a table that a forecast cannot be written to: to be called before long work, not after.

    Args:
        path: The file.
        layout: "long" or "wide".
        top: How many occupations of each record the long layout has; None: all.

    Raises:
        OptionError: The name does not say a format, the layout is unknown, or `top` does not go with it.
    """
    if path.suffix not in FORMATS:
        raise OptionError(f"the name {path.name} does not say a format: let it end in {', '.join(FORMATS)}")
    if layout not in get_args(Layout):
        raise OptionError(f"unknown layout {layout!r}: use {', '.join(get_args(Layout))}")
    if top is not None and (top < 1 or layout == "wide"):
        raise OptionError(f"top is how many occupations of each record the long layout has, not {top} in {layout}")


def long_table(forecast: Forecast, panel: Panel, top: int | None = None) -> pl.DataFrame:
    """A row per record and occupation, the most probable first.

    Args:
        forecast: Of n records.
        panel: The careers they are in.
        top: How many occupations of each record; None: all.

    Returns:
        Columns worker, year, split, code, title and probability, min(top, J) rows per record.
    """
    taxonomy = forecast.taxonomy
    kept = min(top or len(taxonomy), len(taxonomy))
    order = np.argsort(-forecast.log_prob, axis=1, kind="stable")[:, :kept]  # (n, kept)
    columns, rows = order.ravel(), np.repeat(np.arange(len(order)), kept)
    return (
        _records(forecast, panel)
        .drop("occupation")[rows]
        .with_columns(
            pl.Series("code", np.array(taxonomy.codes)[columns], pl.String),
            pl.Series("title", np.array(taxonomy.titles)[columns], pl.String),
            pl.Series("probability", np.exp(np.take_along_axis(forecast.log_prob, order, axis=1).ravel()), pl.Float32),
        )
    )


def wide_table(forecast: Forecast, panel: Panel) -> pl.DataFrame:
    """Worker, year, split, occupation and J columns of probabilities; a row per record."""
    probabilities = np.exp(forecast.log_prob)
    names = probability_columns(forecast.taxonomy)
    return _records(forecast, panel).with_columns(
        pl.Series(name, probabilities[:, column], pl.Float32) for column, name in enumerate(names)
    )


def probability_columns(taxonomy: Taxonomy) -> tuple[str, ...]:
    """The names of the columns of probabilities, J: p_ and the code, as Stata allows names, each another."""
    names: list[str] = []
    for code in taxonomy.codes:
        name = plain = f"p_{re.sub(r'[^A-Za-z0-9_]', '_', code)}"[:NAME_LENGTH]
        number = 1
        while name in names:
            number += 1
            name = f"{plain[: NAME_LENGTH - len(str(number)) - 1]}_{number}"
        names.append(name)
    return tuple(names)


def _records(forecast: Forecast, panel: Panel) -> pl.DataFrame:
    """Worker in its own type, year, split, and the observed occupation; n rows."""
    splits = panel.records.select("worker", "split").unique("worker")
    records = forecast.records.join(splits, on="worker", how="left", maintain_order="left")
    return records.select(_own_type(records["worker"]), "year", "split", "occupation")


def _own_type(worker: pl.Series) -> pl.Series:
    """Workers as whole numbers where every one is written as one is, such as 12 and not 012; else as text."""
    numbers = worker.cast(pl.Int64, strict=False)
    return numbers if (numbers.cast(pl.String) == worker).all() and not numbers.has_nulls() else worker


def _write_stata(table: pl.DataFrame, file: Path, labels: Mapping[str, str]) -> None:
    import pyreadstat

    if table.width > STATA_COLUMNS:
        raise CapacityError(f"Stata holds {STATA_COLUMNS:,} columns, not {table.width:,}: write the long layout")
    if table.schema.get("worker") == pl.Int64:
        table = table.with_columns(_stata_number(table["worker"]))
    short: dict[str, str | None] = {name: label[:LABEL_LENGTH] for name, label in labels.items()}
    pyreadstat.write_dta(table, str(file), column_labels=short, version=15)


def _stata_number(worker: pl.Series) -> pl.Series:
    """Whole numbers as Stata keeps every one of them: as long, as double, or else as text."""
    largest = max(abs(int(worker.to_numpy().min())), abs(int(worker.to_numpy().max())))
    return worker.cast(pl.Int32() if largest <= STATA_LONG else pl.Int64() if largest <= STATA_WHOLE else pl.String())
