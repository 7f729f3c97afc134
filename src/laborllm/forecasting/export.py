"""Forecasts as tables for other programs: Parquet, CSV and Stata, a row per occupation or a column per occupation.

write_forecast(forecast, panel, "next.dta", layout="wide")
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import polars as pl

from laborllm.errors import OptionError
from laborllm.forecasting.frequencies import TOP, next_frequencies
from laborllm.forecasting.table_files import write_portions
from laborllm.models.forecasts.forecast import Forecast
from laborllm.models.forecasts.store import ForecastFile
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.panel.files.store import Careers

Layout = Literal["long", "wide", "people"]

FORMATS = (".parquet", ".csv", ".dta")
NAME_LENGTH = 32  # of a column in Stata (help limits)
RECORDS = 512  # that are in memory at a time, with all their occupations

Forecasts = Callable[[], Iterator[tuple[Forecast, Panel]]]
"""Gives forecasts, some at a time, and the careers that they are of."""


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
        CapacityError: More occupations than Stata has columns, or more rows.
        StorageError: The file cannot be written.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> next_year = ll.forecast(ll.fit("transition", panel), panel, year=2031)
        >>> ll.write_forecast(next_year, panel, "next.csv", top=3)
        150
    """
    table = _TableOf(layout, top, splits, _worker_type(forecast.records.lazy()))
    return table.write(lambda: iter([(forecast, panel)]), forecast.taxonomy, Path(path))


def write_forecast_file(
    saved: ForecastFile,
    careers: Careers,
    path: Path,
    *,
    layout: Layout = "long",
    top: int | None = None,
    splits: bool = True,
) -> int:
    """Write a file of forecasts as `write_forecast` does, some careers at a time, so that it need not fit in memory.

    Args:
        saved: The file.
        careers: Whose records they are, in the same order, be it among others.
        path: File to write.
        layout: As in `write_forecast`.
        top: As in `write_forecast`.
        splits: As in `write_forecast`.

    Returns:
        How many rows were written.

    Raises:
        OptionError: A name that says no format, an unknown layout, or a `top` that makes no sense.
        CapacityError: More occupations than Stata has columns, or more rows.
        PanelError: The forecasts are not those of the careers, in their order.
        StorageError: The file cannot be written.
    """
    table = _TableOf(layout, top, splits, _worker_type(pl.scan_parquet(saved.path)))
    return table.write(partial(saved.portions, careers, RECORDS), saved.taxonomy, path)


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


@dataclass(frozen=True)
class _TableOf:
    layout: Layout
    top: int | None
    splits: bool
    worker: pl.DataType

    def write(self, forecasts: Forecasts, taxonomy: Taxonomy, path: Path) -> int:
        """Write the table of forecasts that come some at a time. Returns its rows."""
        require_table(path, self.layout, self.top)
        labels = dict(zip(probability_columns(taxonomy), taxonomy.titles, strict=True))
        return write_portions(
            lambda: (self._rows(*portion) for portion in forecasts()), path, labels if self.layout == "wide" else {}
        )

    def _rows(self, forecast: Forecast, panel: Panel) -> pl.DataFrame:
        if self.layout == "people":
            return next_frequencies(forecast, panel, top=self.top or TOP)
        rows = long_table(forecast, panel, self.top) if self.layout == "long" else wide_table(forecast, panel)
        rows = rows.with_columns(pl.col("worker").cast(self.worker))  # of all portions, not of this one
        return rows if self.splits else rows.drop("split")


def _records(forecast: Forecast, panel: Panel) -> pl.DataFrame:
    """Worker in its own type, year, split, and the observed occupation; n rows."""
    splits = panel.records.select("worker", "split").unique("worker")
    records = forecast.records.join(splits, on="worker", how="left", maintain_order="left")
    return records.select(pl.col("worker").cast(_worker_type(records.lazy())), "year", "split", "occupation")


def _worker_type(records: pl.LazyFrame) -> pl.DataType:
    """Whole numbers where the name of every worker is written as one is, such as 12 and not 012; else text."""
    number = pl.col("worker").cast(pl.Int64, strict=False).cast(pl.String)
    are_numbers = records.select((number == pl.col("worker")).fill_null(False).all()).collect(engine="streaming")
    return pl.Int64() if are_numbers.item() else pl.String()
