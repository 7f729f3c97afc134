"""Simulated careers against laws that are known, and against the slow way for every model that has a quick one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

import laborllm as ll
from laborllm.errors import PanelError, RunError
from laborllm.forecasting.frequencies import natural_frequencies
from laborllm.forecasting.groups import group_shares
from laborllm.forecasting.simulation.result import Simulation
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.forecasting.simulation.two_years import two_years_ahead
from laborllm.forecasting.simulation.what_if import what_if
from laborllm.forecasting.summaries import moves, probabilities, return_to_work, survival, time_in_groups
from laborllm.models.counts.specs import Transition
from laborllm.models.counts.transition import FittedTransition
from laborllm.models.mixture.specs import Mixture
from laborllm.models.rescored import RescoredPaths, start_paths
from laborllm.models.sequence.specs import BagOfJobs, Career, Logit, Nemo
from laborllm.panel import Panel

YEARS = range(2005, 2011)
ERRORS = 4.5  # standard errors that a simulated probability may be off by, of thousands


@pytest.fixture(scope="module")
def counted(panel: Panel) -> FittedTransition:
    return Transition().fit(panel)


@pytest.fixture(scope="module")
def fitted(panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    models: dict[str, Any] = {
        "plain": Transition("plain").fit(panel),
        "second-order": Transition("second-order").fit(panel),
        "logit": Logit(replace(Logit().training, epochs=1)).fit(panel),
        "bag-of-jobs": BagOfJobs(replace(BagOfJobs().training, epochs=1), width=8).fit(panel),
        "nemo": Nemo(replace(Nemo().training, epochs=1), width=8).fit(panel),
        "career": Career(replace(Career().training, epochs=1), width=16, heads=2).fit(panel),
    }
    folder = tmp_path_factory.mktemp("members")
    for name in ("plain", "nemo"):
        models[name].save(folder / name)
    members = (folder / "plain", folder / "nemo")
    return models | {kind: Mixture(members, kind).fit(panel) for kind in ("constant", "varying")}


def test_shares_lie_on_the_law_of_a_markov_chain(counted: FittedTransition, panel: Panel) -> None:
    draws = 2000
    simulation = simulate(counted, panel, years=YEARS, draws=draws)
    expected = np.eye(len(panel.taxonomy))[simulation.origin]
    for year in range(len(YEARS)):
        expected = expected @ counted.table
        off = np.abs(simulation.probability[:, year] - expected)
        assert (off <= ERRORS * np.sqrt(expected * (1 - expected) / draws) + 1e-3).all()
        counts = np.stack(
            [(simulation.occupation[:, :, year] == k).mean(axis=1) for k in range(expected.shape[1])], axis=1
        )
        assert (np.abs(counts - expected) <= ERRORS * np.sqrt(expected * (1 - expected) / draws) + 1e-3).all()
        if year:
            common = expected > 0.05
            in_errors = off[common] / simulation.error[:, year][common]
            assert np.sqrt(np.mean(in_errors**2)) == pytest.approx(1, abs=0.25)  # the stated errors are those made
            assert (
                off[common].mean() < 0.8 * np.abs(counts - expected)[common].mean()
            )  # and smaller than those of counting
    assert (simulation.error[:, 0] == 0).all()
    np.testing.assert_allclose(simulation.probability.sum(axis=2), 1, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["plain", "second-order", "logit", "bag-of-jobs", "nemo", "career", "constant", "varying"]
)
def test_carrying_the_state_along_is_forecasting_anew(name: str, fitted: dict[str, Any], panel: Panel) -> None:
    opened, model, draws = panel.sample(12, seed=0).open(YEARS), fitted[name], 3
    quick, slow = start_paths(model, opened, draws), RescoredPaths(model, opened, draws)
    assert type(quick) is not RescoredPaths
    generator = torch.Generator().manual_seed(0)
    for year in YEARS:
        torch.testing.assert_close(quick.probability().double(), slow.probability(), rtol=1e-4, atol=1e-6)
        if year < YEARS[-1]:
            drawn = torch.randint(0, len(panel.taxonomy), (opened.workers, draws), generator=generator)
            quick.append(drawn)
            slow.append(drawn)


@pytest.mark.parametrize("name", ["second-order", "nemo"])
def test_two_years_ahead_is_the_simulation_without_its_noise(name: str, fitted: dict[str, Any], panel: Panel) -> None:
    opened = panel.sample(8, seed=1).open([2005, 2007])
    exact = two_years_ahead(fitted[name], opened)
    np.testing.assert_allclose(exact.sum(axis=1), 1, atol=1e-5)
    simulation = simulate(fitted[name], opened, draws=4000)
    assert (np.abs(simulation.probability[:, 1] - exact) <= ERRORS * np.sqrt(exact * (1 - exact) / 4000) + 5e-4).all()
    assert np.abs(exact - simulation.probability[:, 0]).max() > 1e-3  # the second year is another one


def test_two_years_of_a_markov_chain_are_its_square(counted: FittedTransition, panel: Panel) -> None:
    opened = panel.open([2005, 2006])
    origin = simulate(counted, opened, draws=1).origin
    np.testing.assert_allclose(two_years_ahead(counted, opened), (counted.table @ counted.table)[origin], atol=1e-6)


def test_a_worker_is_simulated_alike_alone_and_with_others(fitted: dict[str, Any], panel: Panel) -> None:
    together = simulate(fitted["nemo"], panel, years=YEARS, draws=20, seed=3)
    alone = simulate(fitted["nemo"], panel.sample(1, seed=0), years=YEARS, draws=20, seed=3)
    (row,) = np.flatnonzero(together.workers["worker"] == alone.workers["worker"][0])
    np.testing.assert_array_equal(alone.occupation[0], together.occupation[row])


def test_equal_arms_do_not_differ_and_unequal_ones_do(fitted: dict[str, Any], panel: Panel) -> None:
    opened = panel.sample(10, seed=0).open(YEARS)
    same = what_if(fitted["nemo"], opened, opened, draws=50)
    assert not same.probability.any()
    assert not same.error.any()
    is_open = pl.col("occupation").is_null()
    schooled = pl.when(is_open).then(pl.lit("college")).otherwise("education").alias("education")
    other = opened.with_records(opened.records.with_columns(schooled))
    found = what_if(fitted["nemo"], opened, other, draws=200)
    arms = [simulate(fitted["nemo"], arm, draws=200) for arm in (opened, other)]
    np.testing.assert_allclose(found.probability, arms[1].probability - arms[0].probability, atol=1e-6)
    unpaired = np.hypot(arms[0].error, arms[1].error)
    assert found.error.sum() < unpaired.sum()


def test_groups_count_people_and_hold_the_share_of_futures(counted: FittedTransition, panel: Panel) -> None:
    simulation = simulate(counted, panel, years=YEARS, draws=500)
    labels = ["odd" if row % 2 else "even" for row in range(panel.workers)]
    found = group_shares(simulation, labels)
    assert found["holds"].unique().to_list() == ["draws"]
    totals = found.group_by("group", "year").agg(pl.col("count").sum(), pl.col("workers").first())
    np.testing.assert_allclose(totals["count"], totals["workers"], atol=1e-3)
    expected = np.eye(len(panel.taxonomy))[simulation.origin][1::2] @ counted.table
    row = found.filter(pl.col("group") == "odd", pl.col("year") == YEARS[0])
    np.testing.assert_allclose(row["count"], expected.sum(axis=0), atol=1e-4)
    variance = (expected * (1 - expected)).sum(axis=0)  # of a sum of independent people
    width = (row["high"] - row["low"]).to_numpy()
    assert (np.abs(width - 2 * 1.645 * np.sqrt(variance)) < 2.5).all()
    major = group_shares([simulation, simulation], labels, major=True)
    assert major["holds"].unique().to_list() == ["draws, refits"]
    assert set(major["code"]) == set(panel.taxonomy.groups)


def test_tables_agree_with_a_hand_count(panel: Panel) -> None:
    """Two workers on two paths of two years, from cashiers and from unemployment, the seventh column of seven."""
    taxonomy = panel.taxonomy
    workers = pl.DataFrame({"worker": ["a", "b"], "year": [2000, 2001], "occupation": ["0", "unemployed"]})
    occupation = np.array([[[0, 1], [0, 0]], [[6, 6], [6, 2]]], dtype=np.int16)
    probability = np.zeros((2, 2, 7), np.float32)
    for worker in range(2):
        for year in range(2):
            probability[worker, year] = np.bincount(occupation[worker, :, year], minlength=7) / 2
    years = np.array([[2002, 2004], [2002, 2004]], dtype=np.int16)
    found = Simulation(workers, years, taxonomy, probability, np.zeros_like(probability), occupation, seed=0)
    assert survival(found)["survival"].to_list() == [1, 0.5, 1, 0.5]
    assert return_to_work(found)["returned"].to_list() == [None, None, 0, 0.5]
    assert moves(found)["mean"].to_list() == [0.5, 0.5]
    assert probabilities(found)["horizon"].unique().sort().to_list() == [1, 2, 3, 4]
    top = probabilities(found, top=1)
    assert top["code"].to_list() == ["0", "0", "unemployed", "2"]
    in_groups = time_in_groups(found)
    assert in_groups.filter(worker="b", group="Not employed")["records"].to_list() == [1.5]
    people = natural_frequencies(found, of=10, top=1).filter(worker="a", year=2004)
    assert people.select("kind", "people").rows() == [("stay", 5), ("move", 5), ("other", 0)]


@pytest.mark.parametrize(
    ("years", "draws", "message"),
    [
        ([1990], 10, "record can be opened only after"),
        (None, 10, "no career has an open record: say which years to open"),
        (YEARS, 0, "draw 0 paths"),
    ],
)
def test_what_cannot_be_simulated_is_refused(
    years: list[int] | None, draws: int, message: str, counted: FittedTransition, panel: Panel
) -> None:
    with pytest.raises(PanelError, match=message):
        simulate(counted, panel, years=years, draws=draws)


@pytest.mark.parametrize("wrong", [0.0, 1.5, np.nan])
def test_what_is_no_distribution_is_not_drawn_from(wrong: float, counted: FittedTransition, panel: Panel) -> None:
    broken = replace(counted, table=counted.table * wrong)
    with pytest.raises(RunError, match=f"the probabilities of a year must sum to one; the worst sum to {wrong:g}"):
        simulate(broken, panel, years=[2031], draws=3)
    with pytest.raises(RunError, match="must sum to one"):
        two_years_ahead(broken, panel.open(years=[2031, 2032]))


def test_two_versions_must_be_of_the_same_people(counted: FittedTransition, panel: Panel) -> None:
    opened = panel.open([2005])
    with pytest.raises(PanelError, match="other workers, or other years"):
        what_if(counted, opened, panel.open([2006]))
    with pytest.raises(PanelError, match="exactly 2"):
        two_years_ahead(counted, opened)


def test_what_is_printed_holds_no_record(counted: FittedTransition, panel: Panel) -> None:
    opened = panel.sample(3, seed=0).open([2005])
    shown = [repr(opened), repr(counted.forecast(opened)), repr(simulate(counted, opened, draws=10))]
    assert shown[0] == f"Panel(INVENTED: {len(opened)} records of 3 workers over 7 occupations of invented)"
    assert shown[1] == f"Forecast({len(opened)} records over 7 occupations, transition frequencies)"
    assert shown[2] == "Simulation(3 workers on 10 paths of 1 records over 7 occupations)"


def test_a_run_folder_and_a_file_are_as_good_as_what_they_hold(tmp_path: Path) -> None:
    panel = ll.import_synthetic(workers=40)
    panel.save(tmp_path / "panel.parquet")
    fitted = ll.fit("transition", panel, out=tmp_path / "run")
    ours = ll.simulate(fitted, panel, years=[2025, 2026], draws=5)
    theirs = ll.simulate(tmp_path / "run", tmp_path / "panel.parquet", years=[2025, 2026], draws=5)
    assert np.array_equal(ours.probability, theirs.probability)
    opened = panel.open(years=[2025, 2026])
    assert np.array_equal(ll.two_years_ahead(fitted, opened), ll.two_years_ahead(tmp_path / "run", opened))
    other = ll.if_records_said(opened, out_of_work=True)
    one, two = (ll.what_if(model, opened, other, draws=5) for model in (fitted, tmp_path / "run"))
    assert np.array_equal(one.probability, two.probability)
