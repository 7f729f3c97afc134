"""The forecast: rows that sum to one, and what is stored comes back."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import InputError, RunError
from laborllm.models.forecasts.forecast import Forecast
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance

TAXONOMY = Taxonomy.from_occupations(
    "small", [("4", "Chief executives", "A"), ("276", "Cashiers", "B"), ("9", "Cooks", "B")]
)


def forecast(probability: np.ndarray, *, raw_mass: float = 1.0, greedy: bool | None = None) -> Forecast:
    rows = len(probability)
    records = pl.DataFrame(
        {
            "worker": [f"w{row}" for row in range(rows)],
            "year": pl.Series([2000] * rows, dtype=pl.Int16),
            "occupation": [TAXONOMY.codes[row % 3] for row in range(rows)],
        }
    )
    return Forecast(
        records=records,
        taxonomy=TAXONOMY,
        log_prob=np.log(probability).astype(np.float32),
        raw_mass=np.full(rows, raw_mass),
        method="made up",
        error_bound=np.full(rows, 0.01),
        greedy_valid=None if greedy is None else np.full(rows, greedy),
    )


def test_observed_and_likelihoods() -> None:
    made = forecast(np.array([[0.5, 0.25, 0.25], [0.1, 0.7, 0.2]]), raw_mass=0.8)
    assert made.observed.tolist() == [0, 1]
    np.testing.assert_allclose(made.log_likelihood, np.log([0.5, 0.7]), rtol=1e-6)
    np.testing.assert_allclose(made.raw_log_likelihood, np.log([0.5 * 0.8, 0.7 * 0.8]), rtol=1e-6)


@given(
    weights=st.lists(st.lists(st.floats(1e-6, 1), min_size=3, max_size=3), min_size=1, max_size=5),
    raw_mass=st.floats(1e-6, 1),
    greedy=st.none() | st.booleans(),
)
def test_round_trip(
    weights: list[list[float]], raw_mass: float, greedy: bool | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    probability = np.array(weights) / np.sum(weights, axis=1, keepdims=True)
    made = forecast(probability, raw_mass=raw_mass, greedy=greedy)
    path = tmp_path_factory.mktemp("forecast") / "forecast.parquet"
    made.save(path)
    loaded = Forecast.load(path)
    assert loaded.records.equals(made.records)
    assert (loaded.taxonomy, loaded.method) == (TAXONOMY, "made up")
    np.testing.assert_array_equal(loaded.error_bound, made.error_bound)
    np.testing.assert_array_equal(loaded.log_prob, made.log_prob)
    np.testing.assert_array_equal(loaded.raw_mass, made.raw_mass)
    if greedy is None:
        assert loaded.greedy_valid is None
    else:
        np.testing.assert_array_equal(loaded.greedy_valid, made.greedy_valid)


def test_zero_probability_is_allowed(tmp_path: Path) -> None:
    with np.errstate(divide="ignore"):
        made = forecast(np.array([[0.0, 1.0, 0.0]]))
    made.save(tmp_path / "forecast.parquet")
    assert Forecast.load(tmp_path / "forecast.parquet").log_likelihood.tolist() == [-np.inf]


@pytest.mark.parametrize("row", [[0.5, 0.25, 0.2], [0.5, 0.5, 0.5], [np.nan, 0.5, 0.5]])
def test_rows_that_do_not_sum_to_one_are_refused(row: list[float]) -> None:
    with pytest.raises(InputError, match="forecast rows must sum to one; the worst sums to"):
        forecast(np.array([[0.5, 0.25, 0.25], row]))


def test_shapes_are_checked() -> None:
    with pytest.raises(InputError, match=r"a forecast of 2 records over 3 occupations got log_prob \(2, 2\) "):
        forecast(np.array([[0.5, 0.5], [0.5, 0.5]]))
    made = forecast(np.array([[0.5, 0.25, 0.25]]))
    with pytest.raises(InputError, match=r"raw_mass .*\(2,\)"):
        Forecast(made.records, TAXONOMY, made.log_prob, np.ones(2), "made up")


def test_file_that_is_no_forecast_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no forecast file at"):
        Forecast.load(tmp_path / "nowhere.parquet")
    (tmp_path / "text.parquet").write_text("worker,year\n")
    with pytest.raises(InputError, match="is not a Parquet file"):
        Forecast.load(tmp_path / "text.parquet")
    pl.DataFrame({"worker": ["a"]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(InputError, match="is a Parquet file but not a forecast"):
        Forecast.load(tmp_path / "other.parquet")


def test_rows_are_found_for_the_records_of_a_panel() -> None:
    made = forecast(np.array([[0.5, 0.25, 0.25], [0.1, 0.7, 0.2], [0.2, 0.2, 0.6]]), greedy=True)
    records = made.records[1:].with_columns(split=pl.lit("test"))
    panel = Panel(records, TAXONOMY, "MADE UP", Provenance("made up"))
    assert made.of(panel).log_prob.tolist() == made.log_prob[1:].tolist()
    other = Panel(records.with_columns(pl.lit(TAXONOMY.codes[0]).alias("occupation")), TAXONOMY, "X", Provenance("x"))
    with pytest.raises(RunError, match="the forecast lacks 2 of the 2 records"):
        made.of(other)
