"""Flows between occupations, similar ones, and groups of people: against hand counts and laws that are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from laborllm.errors import InputError, OptionError, PanelError, RunError, TaxonomyError
from laborllm.forecasting.groups.mobility import Mobility, mobility, typical_careers
from laborllm.forecasting.groups.shares import group_shares
from laborllm.forecasting.groups.similar import similar_occupations
from laborllm.forecasting.groups.steps import feeders, next_steps, reachable, typical_wages
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.models.counts.specs import Transition
from laborllm.models.counts.transition import FittedTransition
from laborllm.models.mixture.specs import Mixture
from laborllm.models.oracle import Oracle
from laborllm.models.sequence.specs import BagOfJobs, Career, Logit, Nemo
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.sources.synthetic import DRAWN_STATES, import_synthetic


@pytest.fixture(scope="module")
def counted(panel: Panel) -> FittedTransition:
    return Transition().fit(panel)


@pytest.fixture
def town() -> Mobility:
    """Ten cooks, four of whom leave; twenty cashiers, ten of whom leave; a bank nobody leaves; the unemployed."""
    jobs = [("1", "Cooks", "Food"), ("2", "Cashiers", "Sales"), ("3", "Bankers", "Sales")]
    taxonomy = Taxonomy.from_occupations("town", jobs).with_states(["unemployed"])
    flow = np.array([[6.0, 3, 0, 1], [1, 10, 8, 1], [0, 0, 5, 0], [0, 0, 0, 0]])
    return Mobility(taxonomy, flow, np.array([10, 20, 5, 0]), "TOWN")


def test_flows_of_a_panel_add_its_forecasts_up(counted: FittedTransition, panel: Panel) -> None:
    found = mobility(counted, panel)
    expected = np.zeros_like(found.flow)
    workers: list[set[str]] = [set() for _ in panel.taxonomy.codes]
    before = None
    for row in panel.records.iter_rows(named=True):
        if before and before["worker"] == row["worker"]:
            at = panel.taxonomy.position[before["occupation"]]
            expected[at] += counted.table[at]
            workers[at].add(row["worker"])
        before = row
    np.testing.assert_allclose(found.flow, expected, rtol=1e-5)
    assert found.people.tolist() == [len(names) for names in workers]


def test_open_records_alone_are_forecast_where_there_are_some(counted: FittedTransition, panel: Panel) -> None:
    found = mobility(counted, panel.open([2005]))
    origin = simulate(counted, panel, years=[2005], draws=1).origin
    assert found.people.tolist() == np.bincount(origin, minlength=len(panel.taxonomy)).tolist()
    np.testing.assert_allclose(found.flow.sum(axis=1), found.people, rtol=1e-5)


def test_typical_careers_ask_a_chain_for_its_table(counted: FittedTransition) -> None:
    careers = typical_careers(counted, year=2005, length=2)
    assert len(careers) == 3 * len(counted.table)
    found = mobility(counted, careers)
    np.testing.assert_allclose(found.share, counted.table, rtol=1e-4)
    at_rest = found.in_the_long_run().flow.sum(axis=1)
    values, vectors = np.linalg.eig(counted.table.T)
    stationary = np.real(vectors[:, np.argmax(np.real(values))])
    np.testing.assert_allclose(at_rest, stationary / stationary.sum(), atol=1e-4)


def test_steps_are_rows_and_columns_of_the_flows(town: Mobility) -> None:
    steps = next_steps(town, "1", top=1)
    assert steps["kind"].to_list() == ["stay", "move", "other"]
    assert steps["title"].to_list() == ["Cooks", "Cashiers", "All others"]
    assert steps["share"].to_list() == pytest.approx([0.6, 0.3, 0.1])
    assert steps["of_moves"].to_list() == [None, pytest.approx(0.75), pytest.approx(0.25)]
    assert steps["people"].to_list() == [10] * 3
    into = feeders(town, "3", top=1)
    assert into["title"].to_list() == ["Bankers", "Cashiers", "All others"]
    assert into["share"].to_list() == pytest.approx([5 / 13, 8 / 13, 0])
    assert into["of_moves"].to_list() == [None, pytest.approx(1), pytest.approx(0)]
    assert into["people"].to_list() == [5, 20, None]


def test_two_moves_go_by_the_most_common_way(town: Mobility) -> None:
    both = reachable(town, "1", least=0.2)
    assert both.select("title", "moves", "via").rows() == [("Cashiers", 1, None), ("Bankers", 2, "Cashiers")]
    assert both["share"].to_list() == pytest.approx([0.75, 0.75 * 0.8])
    assert reachable(town, "1", moves=1, least=0.2)["title"].to_list() == ["Cashiers"]
    assert reachable(town, "1", least=0.8).is_empty()
    wages = pl.DataFrame({"code": ["1", "2", "3"], "wage": [10.0, 8.0, 20.0]})
    paid = reachable(town, "1", wages=wages, paying_no_less=True)
    assert paid.select("title", "wage_ratio").rows() == [("Bankers", 2.0)]


def test_typical_wages_are_medians_of_enough_people(panel: Panel) -> None:
    number = pl.int_range(pl.len()).cast(pl.Float64)
    paid = panel.with_records(panel.records.with_columns(wage=pl.when(number % 7 > 0).then(number)))
    found = typical_wages(paid)
    assert 0 < len(found) <= len(panel.taxonomy)
    for code, wage, workers in found.iter_rows():
        rows = paid.records.filter(pl.col("occupation") == code, pl.col("wage").is_not_null())
        assert wage == np.median(rows["wage"].to_numpy())
        assert workers == rows["worker"].n_unique() >= 10
    with pytest.raises(PanelError, match="no column 'pay' of pay"):
        typical_wages(paid, "pay")
    in_words = panel.with_records(panel.records.with_columns(wage=pl.lit("12.50")))
    with pytest.raises(PanelError, match="pay is in numbers, and column 'wage' of the panel is of type String"):
        typical_wages(in_words)
    without_end = paid.with_records(paid.records.with_columns(wage=pl.lit(float("inf"))))
    assert typical_wages(without_end).is_empty()


def test_what_cannot_be_asked_of_flows_is_refused(town: Mobility, counted: FittedTransition, panel: Panel) -> None:
    for ask in (next_steps, feeders, reachable):
        with pytest.raises(TaxonomyError, match="no occupation with code '9'"):
            ask(town, "9")
    with pytest.raises(OptionError, match="in 1 move or in 2, not in 3"):
        reachable(town, "1", moves=3)
    wages = pl.DataFrame({"code": ["2"], "wage": [8.0]})
    for known in (None, wages):
        with pytest.raises(OptionError, match="where the pay of occupation 1 is known"):
            reachable(town, "1", wages=known, paying_no_less=True)
    for table, said in (
        (wages.rename({"code": "occupation"}), "no column 'code': it needs code and wage"),
        (pl.concat([wages, wages]), "two rows of occupation 2"),
        (wages.cast(pl.String), "to be numbers, not String"),
    ):
        with pytest.raises(InputError, match=said):
            reachable(town, "1", wages=table)
    for least in (-0.1, 2, float("nan")):
        with pytest.raises(OptionError, match="0 to 1, not"):
            reachable(town, "1", least=least)
    for ask in (next_steps, feeders):
        with pytest.raises(OptionError, match="lists 0 occupations or more, not -1"):
            ask(town, "1", top=-1)
    with pytest.raises(PanelError, match="nothing to move from"):
        mobility(counted, panel.with_records(panel.records.unique("worker", keep="first")))
    with pytest.raises(PanelError, match="at least one record"):
        typical_careers(counted, year=2005, length=0)
    for year in (3, 1902, 2101, 99999):
        with pytest.raises(PanelError, match="leave the years of records, 1900-2100"):
            typical_careers(counted, year=year)


@pytest.mark.parametrize("spec", [Logit, BagOfJobs, Nemo, Career])
def test_every_network_has_a_vector_for_each_occupation(spec: type[Nemo], panel: Panel) -> None:
    fitted = spec(replace(spec().training, epochs=1)).fit(panel)
    vectors = fitted.occupation_vectors()
    assert len(vectors) == len(panel.taxonomy)
    centred = vectors - vectors.mean(axis=0)
    cosine = [centred[0] @ other / np.linalg.norm(centred[0]) / np.linalg.norm(other) for other in centred[1:]]
    found = similar_occupations(fitted, panel.taxonomy.codes[0], top=6)
    assert found["similarity"].to_list() == pytest.approx(sorted(cosine, reverse=True))
    assert found["code"][0] == panel.taxonomy.codes[1 + int(np.argmax(cosine))]


def test_a_mixture_is_as_similar_as_its_members_on_average(
    panel: Panel, tmp_path: Path, counted: FittedTransition
) -> None:
    plain = Transition("plain").fit(panel)
    for name, member in (("two-part", counted), ("plain", plain)):
        member.save(tmp_path / name)
    mixed = Mixture((tmp_path / "two-part", tmp_path / "plain")).fit(panel)
    gram = mixed.occupation_vectors() @ mixed.occupation_vectors().T
    weights = list(mixed.metrics.values())[-2:]
    expected = np.zeros_like(gram)
    for weight, member in zip(weights, (counted, plain), strict=True):
        centred = np.sqrt(member.table) - np.sqrt(member.table).mean(axis=0)
        length = np.linalg.norm(centred, axis=1)
        expected += weight * (centred @ centred.T) / np.outer(length, length)
    np.testing.assert_allclose(gram, expected, atol=1e-9)


def test_distances_of_the_users_own_stand_next_to_similarity(counted: FittedTransition, panel: Panel) -> None:
    distance = pl.DataFrame({"code": [0, 2], "other": [1, 0], "distance": [0.5, 0.25]})
    found = similar_occupations(counted, "0", distance=distance)
    assert dict(zip(found["code"], found["distance"], strict=True)) == {
        code: {"1": 0.5, "2": 0.25}.get(code) for code in panel.taxonomy.codes if code != "0"
    }
    with pytest.raises(InputError, match="no column 'other'"):
        similar_occupations(counted, "0", distance=distance.drop("other"))
    with pytest.raises(TaxonomyError, match="no occupation with code 'x'"):
        similar_occupations(counted, "x")


def test_a_model_without_vectors_is_refused(panel: Panel) -> None:
    oracle = Oracle().fit(import_synthetic(50, panel.taxonomy.without_states.with_states(DRAWN_STATES), seed=0))
    with pytest.raises(RunError, match="model oracle has no vectors"):
        similar_occupations(oracle, "0")


def test_an_interval_of_a_sample_holds_who_is_in_it(counted: FittedTransition, panel: Panel) -> None:
    """In the first year a person drawn at random is in an occupation with the mean probability, each independently."""
    simulation = simulate(counted, panel, years=[2005], draws=4000)
    law = counted.table[simulation.origin].mean(axis=0)
    variance = panel.workers * law * (1 - law)
    fixed, sample = (group_shares(simulation, sampled=sampled) for sampled in (False, True))
    assert sample["holds"].unique().to_list() == ["draws, people"]
    width = (sample["high"] - sample["low"]).to_numpy()
    assert (np.abs(width - 2 * 1.645 * np.sqrt(variance)) < 2.5).all()
    assert width.sum() > (fixed["high"] - fixed["low"]).sum()
    np.testing.assert_allclose(sample["count"], fixed["count"])
