"""What one model says of the evaluated records: at least the log-probability of each observed occupation."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import InputError
from laborllm.evaluation.arrays import Bools, Indices
from laborllm.models.contract import Forecast
from laborllm.occupations import Taxonomy
from laborllm.panel.order import record_before, worker_index

Array = NDArray[np.floating]

ABOVE_ONE = 1e-3  # nats by which rounding may lift a probability above one


@dataclass(frozen=True)
class Scores:
    """One model on n records, sorted by worker and year. Logarithms are in nats.

    records: worker, year, occupation (the observed code).
    raw_log_likelihood: (n,) the model's own log-probability of the observed occupation.
    log_likelihood: (n,) the same, normalised over the taxonomy; None where only the observed occupation was scored.
    raw_mass: (n,) probability on valid titles. error_bound: (n,) of the forecast, None if it is exact.
    greedy_valid: (n,) whether the greedy completion is a valid title.
    taxonomy, log_prob: the whole distribution, (n, J); None where only the observed occupation was scored.
    Raises `InputError` on lengths that differ, missing numbers, probabilities above one and unsorted records.
    """

    records: pl.DataFrame
    raw_log_likelihood: Array
    log_likelihood: Array | None = None
    raw_mass: Array | None = None
    error_bound: Array | None = None
    greedy_valid: Bools | None = None
    taxonomy: Taxonomy | None = None
    log_prob: Array | None = None

    def __post_init__(self) -> None:
        _require_sorted(self.records)
        _require_log_probability("raw_log_likelihood", self.raw_log_likelihood, self.records.height)
        if self.log_likelihood is not None:
            _require_log_probability("log_likelihood", self.log_likelihood, self.records.height)
        for name in ("raw_mass", "error_bound", "greedy_valid", "log_prob"):
            values = getattr(self, name)
            if values is not None and len(values) != self.records.height:
                raise InputError(f"{name} has {len(values)} values for {self.records.height} records")

    @classmethod
    def of_forecast(cls, forecast: Forecast) -> Self:
        """All that a forecast holds of observed records; open ones are left out."""
        forecast = forecast.drop_open()
        return cls(
            records=forecast.records.select("worker", "year", "occupation"),
            raw_log_likelihood=forecast.raw_log_likelihood,
            log_likelihood=forecast.log_likelihood,
            raw_mass=forecast.raw_mass,
            error_bound=forecast.error_bound,
            greedy_valid=forecast.greedy_valid,
            taxonomy=forecast.taxonomy,
            log_prob=forecast.log_prob,
        )

    @classmethod
    def of_log_likelihood(cls, records: pl.DataFrame, raw_log_likelihood: Array) -> Self:
        """The model's own log-probability of each observed occupation (n,): gives raw perplexity and nothing else."""
        return cls(records.select("worker", "year", "occupation"), raw_log_likelihood)


@dataclass(frozen=True)
class Distribution:
    """A model's probabilities where it gives all of them. log_prob: (n, J) nats; observed: (n,) columns."""

    taxonomy: Taxonomy
    log_prob: Array
    observed: Indices

    @classmethod
    def of(cls, scores: Scores) -> Self | None:
        """None where the model scored only the observed occupations."""
        if scores.log_prob is None or scores.taxonomy is None:
            return None
        return cls(scores.taxonomy, scores.log_prob, scores.taxonomy.columns(scores.records["occupation"]))

    @property
    def move_probability(self) -> NDArray[np.float64]:
        """One minus the probability of the previous occupation, (n,). Means nothing where a career begins."""
        stay = self.log_prob[np.arange(len(self.observed)), record_before(self.observed)]
        return -np.expm1(np.minimum(stay, 0).astype(np.float64))


def _require_sorted(records: pl.DataFrame) -> None:
    if records.is_empty():
        raise InputError("there are no records to evaluate")
    year = records["year"].to_numpy().astype(np.int64)
    later = np.diff(year) > 0
    changes = np.diff(worker_index(records)) > 0
    if not np.all(later | changes) or 1 + int(changes.sum()) != records["worker"].n_unique():
        raise InputError("the records are not sorted by worker and year: sort them before scoring")


def _require_log_probability(name: str, values: Array, records: int) -> None:
    if values.shape != (records,):
        raise InputError(f"{name} has shape {values.shape} for {records} records: it should be ({records},)")
    bad = np.flatnonzero(~(values <= ABOVE_ONE))
    if len(bad):
        raise InputError(f"{name} holds {values[bad[0]]:g} in row {bad[0] + 1}: a log-probability is at most zero")
