"""A file of forecasts, read some careers at a time, so that memory does not grow with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import polars as pl

from laborllm.errors import InputError
from laborllm.models.forecasts.forecast import MARK, Forecast, from_rows
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.panel.files.store import Careers
from laborllm.panel.parquet.read import UNREADABLE, read_mark


@dataclass(frozen=True)
class ForecastFile:
    """A file that `Forecast.save` wrote.

    Attributes:
        path: The file.
        about: Its metadata.
    """

    path: Path
    about: Mapping[str, str]

    @classmethod
    def open(cls, path: Path) -> Self:
        """Find the file and read what it says of itself. Raises `InputError` if it is no forecast."""
        return cls(path, read_mark(path, MARK, "forecast", "forecast", InputError))

    def __len__(self) -> int:
        return int(pl.scan_parquet(self.path).select(pl.len()).collect().item())

    @property
    def taxonomy(self) -> Taxonomy:
        """The occupations."""
        return Taxonomy.from_json(self.about["laborllm.taxonomy"])

    @property
    def workers(self) -> int:
        """How many workers it is of."""
        names = pl.scan_parquet(self.path).select(pl.col("worker").n_unique())
        return int(names.collect(engine="streaming").item())

    def portions(self, careers: Careers, records: int) -> Iterator[tuple[Forecast, Panel]]:
        """Walk through the forecasts together with the careers that they are of.

        Args:
            careers: A panel in which every worker of the file is, in the same order, with at least as many records.
            records: How many of the panel are taken at a time, at least.

        Yields:
            Forecasts of some workers, and the careers of these workers, with others.

        Raises:
            InputError: The file has forecasts of other workers, or is in another order.
        """
        start = 0
        for panel in careers.portions(records):
            rows = self._rows(start, len(panel))
            ours = rows.filter(rows["worker"] <= panel.records["worker"][-1])
            if len(ours):
                yield from_rows(Forecast, self.path, ours, self.about), panel
            start += len(ours)
        if start < len(self):
            raise InputError(f"{self.path} is a forecast of other workers than the panel has, or in another order")

    def _rows(self, start: int, rows: int) -> pl.DataFrame:
        try:
            return pl.scan_parquet(self.path).slice(start, rows).collect()
        except UNREADABLE as error:
            raise InputError(f"{self.path} cannot be read: it is torn or was changed") from error
