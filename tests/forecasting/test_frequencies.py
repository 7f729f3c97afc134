"""Forecasts as people out of a hundred, counted by hand."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import laborllm as ll
from laborllm.errors import OptionError, PanelError
from laborllm.forecasting.frequencies import largest_remainders, natural_frequencies, next_frequencies
from laborllm.forecasting.simulation.result import Simulation
from laborllm.models.counts.specs import Transition
from laborllm.panel import Panel

SHARES = (0.5, 0.204, 0.296, 0, 0, 0, 0)


@pytest.fixture
def one(panel: Panel) -> Simulation:
    """A cashier in 2000, whose next occupations have `SHARES`."""
    worker = pl.DataFrame({"worker": ["a"], "year": [2000], "occupation": ["0"]})
    share = np.array(SHARES, np.float32).reshape(1, 1, -1)
    years = np.array([[2001]], np.int16)
    return Simulation(worker, years, panel.taxonomy, share, np.zeros_like(share), np.zeros((1, 1, 1), np.int16), 0)


def test_stay_comes_first_then_moves_then_others(one: Simulation) -> None:
    found = natural_frequencies(one, top=1)
    assert found.select("kind", "code", "title", "people").rows() == [
        ("stay", "0", "Cashiers", 50),
        ("move", "2", "Bank tellers", 30),
        ("other", None, "All others", 20),
    ]
    assert found["low"].null_count() == found["high"].null_count() == 3
    assert found.select("origin", "year", "horizon").unique().rows() == [(2000, 2001, 1)]
    assert natural_frequencies(one, of=10, top=3)["people"].to_list() == [5, 3, 2, 0, 0]


def test_who_was_nowhere_does_not_stay(one: Simulation) -> None:
    nowhere = replace(one, workers=one.workers.with_columns(pl.lit(None, pl.String).alias("occupation")))
    found = natural_frequencies(nowhere, top=2)
    assert found["kind"].to_list() == ["first", "first", "other"]
    assert found["code"].to_list() == ["0", "2", None]


def test_the_range_spans_nine_in_ten_refits(one: Simulation) -> None:
    refits = []
    for extra in np.linspace(-0.2, 0.2, 21):
        probability = one.probability + np.array([extra, 0, -extra, 0, 0, 0, 0], np.float32)
        refits.append(replace(one, probability=probability.astype(np.float32)))
    stay = natural_frequencies(refits, top=1).row(0, named=True)
    assert (stay["people"], stay["low"], stay["high"]) == (50, 32, 68)


def test_a_forecast_says_the_same_as_a_simulation_of_its_year(panel: Panel) -> None:
    fitted = Transition().fit(panel)
    careers = panel.with_records(panel.records.filter((pl.col("worker") != "w3") | (pl.col("year") < 1992)))
    simulated = natural_frequencies(ll.simulate(fitted, careers, years=[2005], draws=1))
    forecast = next_frequencies(ll.forecast(fitted, careers, year=2005), careers)
    shared = ["worker", "year", "kind", "code", "people"]
    pairs = zip(simulated.select(shared).rows(), forecast.select(shared).rows(), strict=True)
    assert all(one == other for one, other in pairs)


def test_a_forecast_of_every_record_starts_from_the_record_before(panel: Panel) -> None:
    fitted = Transition().fit(panel)
    found = next_frequencies(fitted.forecast(panel), panel, top=1)
    stays = {(worker, year): code for worker, year, code in found.filter(kind="stay")["worker", "year", "code"].rows()}
    before = None
    for row in panel.records.iter_rows(named=True):
        known = before["occupation"] if before and before["worker"] == row["worker"] else None
        assert stays.get((row["worker"], row["year"])) == known
        before = row


@pytest.mark.parametrize("shares", [(1 / 3, 1 / 3, 1 / 3), (0.005, 0.995), (1.0,), (0.249, 0.251, 0.5)])
def test_remainders_add_up_and_are_off_by_less_than_one(shares: tuple[float, ...]) -> None:
    whole = largest_remainders(np.array(shares), 100)
    assert whole.sum() == 100
    assert (np.abs(whole - 100 * np.array(shares)) < 1).all()


def test_what_cannot_be_said_is_refused(one: Simulation, panel: Panel) -> None:
    with pytest.raises(OptionError, match="at least 1 person"):
        natural_frequencies(one, of=0)
    other = replace(one, workers=one.workers.with_columns(worker=pl.lit("b")))
    with pytest.raises(PanelError, match="other workers"):
        natural_frequencies([one, other])
    forecast = Transition().fit(panel).forecast(panel)
    with pytest.raises(PanelError, match="does not have"):
        next_frequencies(
            forecast, panel.with_records(panel.records.with_columns(worker=pl.lit("x") + pl.col("worker")))
        )
