"""What the years to come are given: a move, education drawn from a chain. Against conditioning and powers by hand."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import laborllm as ll
from laborllm.errors import PanelError
from laborllm.forecasting.simulation.education import AGES, EducationChain
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.models.counts.specs import Transition
from laborllm.models.sequence.specs import Nemo
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance, assign_split


def given_a_move(table: np.ndarray, origin: np.ndarray) -> np.ndarray:
    moves = table * (1 - np.eye(len(table)))
    return (moves / moves.sum(axis=1, keepdims=True))[origin]  # type: ignore[no-any-return]


def test_who_must_move_moves_first_and_then_goes_on_as_ever(panel: Panel) -> None:
    model = Transition().fit(panel)
    paths = simulate(model, panel, years=[2005, 2006], draws=3000, must_move=True)
    first = given_a_move(model.table, paths.origin)
    np.testing.assert_allclose(paths.probability[:, 0], first, atol=1e-6)
    assert (paths.occupation[:, :, 0] != paths.origin[:, None]).all()
    second = first @ model.table
    assert (np.abs(paths.probability[:, 1] - second) <= 5 * np.sqrt(second * (1 - second) / 3000) + 1e-3).all()
    assert paths.assumptions == "covariates held at their last values; the next record is a move"


def test_a_forecast_of_who_must_move_is_the_simulation_of_its_year(panel: Panel) -> None:
    model = Nemo(replace(Nemo().training, epochs=1), width=8).fit(panel)
    forecast = ll.forecast(model, panel, year=2005, must_move=True)
    paths = simulate(model, panel, years=[2005], draws=1, must_move=True)
    np.testing.assert_allclose(np.exp(forecast.log_prob), paths.probability[:, 0], atol=1e-5)
    as_ever = ll.forecast(model, panel, year=2005)
    ratio = np.exp(forecast.log_prob - as_ever.log_prob)
    stays = np.arange(len(ratio)), paths.origin
    assert (ratio[stays] == 0).all()
    ratio[stays] = np.nan
    np.testing.assert_allclose(np.nanmax(ratio, axis=1), np.nanmin(ratio, axis=1), rtol=1e-4)
    assert forecast.method.endswith("given a move")


def test_records_that_are_known_are_forecast_as_ever(panel: Panel) -> None:
    model = Transition().fit(panel)
    np.testing.assert_array_equal(
        ll.forecast(model, panel, must_move=True).log_prob, ll.forecast(model, panel).log_prob
    )


@pytest.fixture(scope="module")
def schooled() -> Panel:
    """Yearly careers from age 18: who has high school at 18 or 19 gets a degree with probability 0.3 a year."""
    taxonomy = Taxonomy.from_occupations("one", [("1", "Cooks", "All"), ("2", "Cashiers", "All")])
    generator = np.random.default_rng(0)
    rows = []
    for worker in range(2000):
        level = "high school"
        for year in range(2000, 2006):
            rows.append({"worker": f"{worker:04}", "year": year, "occupation": "1", "education": level})
            if year < 2002 and level == "high school" and generator.random() < 0.3:
                level = "degree"
    records = assign_split(pl.DataFrame(rows)).with_columns(birth_year=pl.lit(1981))
    return Panel(records, taxonomy, "SCHOOL", Provenance("invented"))


def test_the_chain_counts_what_follows_a_level_at_an_age(schooled: Panel) -> None:
    chain = EducationChain.fit(schooled)
    assert chain.levels == ("degree", "high school")
    assert chain.table.shape == (len(AGES) + 1, 2, 2)
    later = schooled.subset("train").records.with_columns(
        pl.col("education").shift().over("worker").alias("before"), age=pl.col("year") - pl.col("birth_year")
    )
    at_20_to_22 = later.filter(pl.col("before") == "high school", pl.col("age").is_between(20, 22))
    assert (at_20_to_22["education"] == "degree").sum() > 100
    counted = at_20_to_22["education"].value_counts().sort("education")["count"].to_numpy()
    everyone = later.filter(pl.col("before") == "high school")["education"].value_counts().sort("education")["count"]
    shrunk = counted + 10 * everyone.to_numpy() / everyone.sum()
    np.testing.assert_allclose(chain.table[1, 1], shrunk / shrunk.sum(), rtol=1e-6)
    assert chain.table[:, 0, 0] == pytest.approx(np.ones(len(AGES) + 1))  # nobody loses a degree


def test_drawn_education_follows_the_powers_of_the_chain(schooled: Panel) -> None:
    chain = EducationChain.fit(schooled)
    start = schooled.with_records(schooled.records.filter(pl.col("year") == 2000)).open([2001, 2002])
    drawn = list(chain.draw(start, 3, seed=0))
    shares = [
        [(part.records.filter(year=year)["education"] == "degree").to_numpy().mean() for year in (2001, 2002)]
        for part in drawn
    ]
    first = chain.table[1, 1, 0]
    second = first + (1 - first) * chain.table[1, 1, 0]
    np.testing.assert_allclose(np.mean(shares, axis=0), [first, second], atol=0.02)
    assert len({tuple(part.records["education"]) for part in drawn}) == 3
    alone = next(iter(chain.draw(start.sample(1, seed=0), 1, seed=0)))
    among = drawn[0].records.filter(pl.col("worker") == alone.records["worker"][0])
    assert alone.records["education"].to_list() == among["education"].to_list()


def test_an_unknown_level_stays_as_it_is(schooled: Panel) -> None:
    chain = EducationChain.fit(schooled)
    records = schooled.records.with_columns(education=pl.lit("a trade"))
    for part in chain.draw(schooled.with_records(records).open([2006]), 2, seed=0):
        assert part.records["education"].unique().to_list() == ["a trade"]
    with pytest.raises(PanelError, match="nothing to count"):
        EducationChain.fit(schooled.with_records(schooled.records.with_columns(education=pl.lit(None, pl.String))))


def test_a_simulation_states_how_education_was_drawn(panel: Panel) -> None:
    model, chain = Transition().fit(panel), EducationChain.fit(panel)
    paths = simulate(model, panel, years=[2005, 2006], draws=60, education=chain)
    assert paths.assumptions == "covariates held at their last values; education drawn in 20 ways"
    assert paths.draws == 60
    np.testing.assert_allclose(paths.probability.sum(axis=2), 1, atol=1e-5)
    held = simulate(model, panel, years=[2005, 2006], draws=60)  # which reads no education, so only the draws differ
    np.testing.assert_allclose(paths.probability[:, 0], held.probability[:, 0], atol=1e-6)
    assert simulate(model, panel.open([2005]), draws=1).assumptions == "covariates as the open records have them"
