"""A forecast: the probability of every occupation for every record, and the file that holds it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import InputError, MissingForecastError, TaxonomyError, first_line
from laborllm.models.runs.lineage import Lineage
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, over
from laborllm.panel.parquet.read import read_marked
from laborllm.storage import new_file

Floats = NDArray[np.floating]

MARK = "laborllm.forecast"
NOTHING = Lineage()


@dataclass(frozen=True)
class Forecast:
    """The probability of each of J occupations for n records.

    Attributes:
        records: worker, year, occupation (the observed code, null where the record is open), n rows.
        taxonomy: The J occupations, states included.
        log_prob: (n, J) float32, nats, rows normalised over the taxonomy.
        raw_mass: (n,) probability that the model itself put on valid titles before normalising; one for models over
            codes.
        method: How it was computed.
        error_bound: (n,) largest possible total variation b from the exact distribution, None where the forecast is
            exact. The log-probability of the observed occupation is then off by at most -log(1 - b) nats.
        greedy_valid: (n,) whether the most probable continuation, token by token, is a valid title; None for models
            over codes.
        lineage: The splits of the panels behind the model that forecast.

    Raises:
        InputError: Arrays whose shapes do not fit, or rows that do not sum to one.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> forecast = ll.forecast(ll.fit("transition", panel), panel)
        >>> forecast.log_prob.shape == (len(panel), len(panel.taxonomy))
        True
    """

    records: pl.DataFrame
    taxonomy: Taxonomy
    log_prob: Floats
    raw_mass: Floats
    method: str
    error_bound: Floats | None = None
    greedy_valid: NDArray[np.bool_] | None = None
    lineage: Lineage = NOTHING

    def __post_init__(self) -> None:
        shape = (self.records.height, len(self.taxonomy))
        if self.log_prob.shape != shape or self.raw_mass.shape != shape[:1]:
            found = f"log_prob {self.log_prob.shape} and raw_mass {self.raw_mass.shape}"
            raise InputError(f"a forecast of {shape[0]} records over {shape[1]} occupations got {found}")
        total = np.exp(self.log_prob.astype(np.float64)).sum(axis=1)
        if not np.allclose(total, 1, atol=1e-4):
            raise InputError(
                f"forecast rows must sum to one; the worst sums to {total[np.abs(total - 1).argmax()]:.6f}"
            )

    def __repr__(self) -> str:
        """Sizes, and no record: what is printed of a forecast may end up in a log."""
        return f"Forecast({self.records.height:,} records over {len(self.taxonomy)} occupations, {self.method})"

    @cached_property
    def observed(self) -> NDArray[np.intp]:
        """Column of the observed occupation, (n,); J where the record is open."""
        return self.taxonomy.columns(self.records["occupation"])

    @cached_property
    def log_likelihood(self) -> Floats:
        """Normalised log-probability in nats of the occupation of each observed record, (m,)."""
        return np.asarray(self.log_prob[self._closed, self.observed[self._closed]], dtype=np.float64)

    @cached_property
    def raw_log_likelihood(self) -> Floats:
        """The model's own log-probability in nats of each observed record's occupation, (m,): before normalising over
        titles."""
        return np.asarray(self.log_likelihood + np.log(self.raw_mass[self._closed]), dtype=np.float64)

    @cached_property
    def _closed(self) -> NDArray[np.intp]:
        """Rows of the observed records, (m,)."""
        return np.flatnonzero(self.observed < len(self.taxonomy))

    def drop_open(self) -> Self:
        """The forecasts of the observed records, without the open ones.

        Returns:
            The smaller forecast.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=50)
            >>> forecast = ll.forecast(ll.fit("transition", panel), panel.open(years=[2031]))
            >>> len(forecast.drop_open().records) == len(panel)
            True
        """
        return self if len(self._closed) == len(self.records) else self._rows(self.records[self._closed], self._closed)

    def only_open(self) -> Self:
        """The forecasts of the open records only.

        Returns:
            The smaller forecast.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=50)
            >>> forecast = ll.forecast(ll.fit("transition", panel), panel.open(years=[2031]))
            >>> len(forecast.only_open().records)
            50
        """
        rows = np.flatnonzero(self.observed == len(self.taxonomy))
        return self._rows(self.records[rows], rows)

    def of(self, panel: Panel) -> Self:
        """The rows of the records of a panel, in its order.

        A record that was open when it was forecast may have an occupation now.

        Args:
            panel: Some of the records that were forecast.

        Returns:
            The forecast of these records.

        Raises:
            MissingForecastError: A record is missing or had another occupation.
            PanelError: The taxonomy of the forecast cannot express an occupation.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=50)
            >>> forecast = ll.forecast(ll.fit("transition", panel), panel)
            >>> len(forecast.of(panel.subset("test")).records) == len(panel.subset("test"))
            True
        """
        panel = over(panel, self.taxonomy)
        wanted = panel.records.select("worker", "year", "occupation")
        saved = self.records.rename({"occupation": "forecast"}).with_row_index("row")
        places = wanted.join(saved, on=["worker", "year"], how="left", maintain_order="left")
        same = places["row"].is_not_null() & (places["occupation"] == places["forecast"]).fill_null(True)
        if not same.all():
            missing, total = (~same).sum(), len(panel)
            raise MissingForecastError(
                f"the forecast lacks {missing:,} of the {total:,} records: was it made from another panel?"
            )
        return self._rows(wanted, places["row"].to_numpy())

    def _rows(self, records: pl.DataFrame, rows: NDArray[np.intp]) -> Self:
        return type(self)(
            records,
            self.taxonomy,
            self.log_prob[rows],
            self.raw_mass[rows],
            self.method,
            None if self.error_bound is None else self.error_bound[rows],
            None if self.greedy_valid is None else self.greedy_valid[rows],
            self.lineage,
        )

    def save(self, path: str | Path, more: Mapping[str, str] | None = None) -> None:
        """Write a Parquet file with a row per record.

        Columns worker, year, occupation, raw_mass, error_bound, greedy_valid, and log_prob as an array.

        Args:
            path: The file.
            more: What else its metadata says, by key.

        Raises:
            StorageError: The file cannot be written.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=50)
            >>> ll.forecast(ll.fit("transition", panel), panel).save("forecast.parquet")
            >>> Path("forecast.parquet").is_file()
            True
        """
        frame = self.records.with_columns(
            pl.Series("raw_mass", self.raw_mass, pl.Float64),
            _optional("error_bound", self.error_bound, pl.Float64()),
            _optional("greedy_valid", self.greedy_valid, pl.Boolean()),
            pl.Series("log_prob", np.asarray(self.log_prob, np.float32), pl.Array(pl.Float32, len(self.taxonomy))),
        )
        about = {
            MARK: json.dumps({"method": self.method}),
            "laborllm.taxonomy": self.taxonomy.to_json(),
            "laborllm.lineage": json.dumps(self.lineage.splits),
        }
        with new_file(Path(path)) as file:
            frame.write_parquet(file, metadata=about | dict(more or {}))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a file that `save` wrote.

        Args:
            path: The file.

        Returns:
            The forecast.

        Raises:
            InputError: It is not one.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=50)
            >>> ll.forecast(ll.fit("transition", panel), panel).save("forecast.parquet")
            >>> ll.Forecast.load("forecast.parquet").method
            'transition frequencies'
        """
        return from_rows(cls, Path(path), *read_marked(Path(path), MARK, "forecast", "forecast", InputError))


AnyForecast = TypeVar("AnyForecast", bound=Forecast)


def from_rows(kind: type[AnyForecast], path: Path, frame: pl.DataFrame, about: Mapping[str, str]) -> AnyForecast:
    """Rows of a file that `Forecast.save` wrote, as a forecast.

    Args:
        kind: Its class.
        path: The file.
        frame: Its rows, or some of them.
        about: Its metadata.

    Returns:
        The forecast.

    Raises:
        InputError: They are no forecast.
    """
    try:
        return kind(
            records=_records(frame),
            taxonomy=Taxonomy.from_json(about["laborllm.taxonomy"]),
            log_prob=frame["log_prob"].to_numpy(),
            raw_mass=frame["raw_mass"].to_numpy(),
            error_bound=_known(frame["error_bound"]),
            greedy_valid=_known(frame["greedy_valid"]),
            lineage=Lineage.from_pairs(json.loads(about["laborllm.lineage"])),
            method=str(json.loads(about[MARK])["method"]),
        )
    except (
        pl.exceptions.PolarsError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
        TaxonomyError,
    ) as error:
        raise InputError(
            f"{path} is not a forecast as this version of laborllm writes it: {first_line(error)}"
        ) from error


def _records(frame: pl.DataFrame) -> pl.DataFrame:
    """Worker, year and occupation of a file. Raises `ValueError` if they have other types than in a forecast."""
    records = frame.select("worker", "year", "occupation")
    worker, year, occupation = records.dtypes
    if worker != pl.String or not year.is_integer() or occupation != pl.String:
        raise ValueError(f"worker, year and occupation are {worker}, {year} and {occupation}")
    return records


def _optional(name: str, values: NDArray[Any] | None, dtype: pl.DataType) -> pl.Expr | pl.Series:
    return pl.lit(None, dtype).alias(name) if values is None else pl.Series(name, values, dtype)


def _known(values: pl.Series) -> NDArray[Any] | None:
    return None if values.null_count() else values.to_numpy()
