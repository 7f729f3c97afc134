"""Several simulations at a time, one by each refit: they must be of one group of careers, and their level a share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

import laborllm as ll
from laborllm.errors import OptionError, PanelError
from laborllm.forecasting.frequencies import person_tables
from laborllm.forecasting.groups.charted import chart_counts
from laborllm.forecasting.simulation.result import Simulation
from laborllm.models.contract import Fitted
from laborllm.models.counts.specs import Transition
from laborllm.panel import Panel
from laborllm.report.pages.backtest import score_lines

READERS: list[Callable[[Any], Any]] = [
    ll.group_shares,
    ll.natural_frequencies,
    person_tables,
    chart_counts,
    lambda runs: ll.people_futures(runs, model="counts"),
]


@pytest.fixture(scope="module")
def fitted(panel: Panel) -> Fitted:
    return Transition().fit(panel)


@pytest.fixture(scope="module")
def one(fitted: Fitted, panel: Panel) -> Simulation:
    return ll.simulate(fitted, panel, years=[2005, 2006], draws=20)


@pytest.mark.parametrize("read", READERS)
def test_simulations_of_other_years_or_workers_are_no_refits(
    read: Callable[[Any], Any], one: Simulation, fitted: Fitted, panel: Panel
) -> None:
    others = [
        ll.simulate(fitted, panel, years=[2005, 2007], draws=20),
        ll.simulate(fitted, panel, years=[2005], draws=20),
        ll.simulate(fitted, panel.sample(20, seed=0), years=[2005, 2006], draws=20),
    ]
    for other in others:
        with pytest.raises(PanelError, match="the simulations are of other workers or other years"):
            read([one, other])


@pytest.mark.parametrize("read", READERS)
def test_no_simulation_is_refused(read: Callable[[Any], Any]) -> None:
    with pytest.raises(PanelError, match="there is no simulation: give one, or one by each refit of a model"):
        read([])


@pytest.mark.parametrize("level", [0, 1, -0.1, 2, float("nan")])
def test_a_level_is_a_share_of_futures(level: float, one: Simulation) -> None:
    with pytest.raises(OptionError, match="an interval cannot hold"):
        ll.group_shares(one, level=level)
    with pytest.raises(OptionError, match="the level is above 0 and below 1"):
        ll.people_futures([one], model="counts", level=level)


def test_refits_with_other_numbers_of_paths_are_pooled(one: Simulation, fitted: Fitted, panel: Panel) -> None:
    """Expected counts are means over refits, whatever the paths; futures are all that were drawn."""
    more = ll.simulate(fitted, panel, years=[2005, 2006], draws=35, seed=1)
    found, first, second = (ll.group_shares(runs)["count"].to_numpy() for runs in ([one, more], one, more))
    np.testing.assert_allclose(found, (first + second) / 2, rtol=1e-6)


def test_a_page_says_of_whom_it_is_and_what_its_intervals_hold(one: Simulation, panel: Panel) -> None:
    alone = ll.people_futures([one], model="counts")
    sampled = ll.people_futures([one, one], model="counts", sampled=True, level=0.5)
    assert alone.facts == {
        "Model": "counts",
        "Assumed": "covariates held at their last values",
        "Paths of each person": "20",
        "Largest Monte Carlo error of a probability": f"{one.error.max():.3f}",
        "Intervals hold": "draws",
        "Intervals leave out": "what no model has seen, such as a recession to come",
    }
    assert sampled.facts["Intervals hold"] == "draws, people, refits"
    assert (alone.level, sampled.level) == (0.9, 0.5)
    fan = ll.group_shares([one, one], major=True, sampled=True, level=0.5).select("year", "title", "low", "high")
    on_the_page = sampled.counts.with_columns(pl.col("title").cast(pl.String)).join(fan, on=["year", "title"])
    assert on_the_page["low"].equals(on_the_page["low_right"])
    assert on_the_page["high"].equals(on_the_page["high_right"])
    assert sampled.counts["high"].sum() < alone.counts["high"].sum()
    for part in (alone.groups, alone.occupations):
        sums = part.group_by("year").agg(pl.col("count").sum())["count"]
        np.testing.assert_allclose(sums, panel.workers, rtol=1e-5)


def test_shares_on_a_page_are_those_of_all_refits(one: Simulation, panel: Panel) -> None:
    other = ll.simulate(Transition("plain").fit(panel.with_training(20, seed=0)), panel, years=[2005, 2006], draws=20)
    page = ll.people_futures([one, other], model="counts")
    shares = page.groups.filter(pl.col("title") == "Not employed")["share"]
    assert page.shares.filter(title="Not employed")["share"].to_list() == pytest.approx(shares.to_list())


def test_flows_and_careers_need_two_years(fitted: Fitted, panel: Panel) -> None:
    found = ll.people_futures([ll.simulate(fitted, panel, years=[2005], draws=5)], model="counts")
    assert found.flows is None
    assert found.careers is None


def test_a_single_year_is_no_years() -> None:
    scores = pl.DataFrame(
        {"model": ["chain", "chain"], "horizon": [1, 3], "metric": ["log score"] * 2, "estimate": [1.25, 2.5]}
    )
    none = pl.DataFrame(schema={"model": pl.String, "level": pl.Float64, "cells": pl.Int64, "held": pl.Float64})
    assert score_lines(scores, none) == ["chain: log score 1.25 at 1 year, 2.50 at 3 years"]
    assert score_lines(scores.filter(horizon=1), none) == ["chain: log score 1.25 at 1 year"]
