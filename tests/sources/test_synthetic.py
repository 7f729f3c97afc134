"""Synthetic careers: drawn with the stated probabilities, which no model beats, and with the profiles of a survey."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from laborllm.errors import SourceError
from laborllm.occupations import Taxonomy, load_taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.sources.synthetic import DRAWN_STATES, DataGeneratingProcess, DgpParameters, StateOdds, import_synthetic

FEW = load_taxonomy("nlswork").with_states(DRAWN_STATES)
MANY = load_taxonomy("occ1990dd").with_states(DRAWN_STATES)
FEWEST_EXPECTED = 5  # in a cell of a chi-square test

SAME = DgpParameters(
    popularity=0,
    women=0,
    ethnic=0,
    regional=0,
    older=0,
    growing=0,
    schooling=0,
    stay_by_age=0,
    stay_tenure=0,
    return_to_former=0,
    recall=0,
    same_group=0,
    same_words=0,
)
"""Every effect off: what is left is by hand."""


@pytest.fixture(scope="module")
def panel() -> Panel:
    return import_synthetic(4000, MANY, seed=1)


@pytest.fixture(scope="module")
def test(panel: Panel) -> Panel:
    return panel.subset("test")


def alike(workers: int, years: list[int]) -> pl.DataFrame:
    """People who differ in nothing, to be drawn careers for."""
    covariates = {"education": "college", "gender": "female", "ethnicity": "white", "region": "west"}
    names = np.repeat([f"{worker:06d}" for worker in range(workers)], len(years))
    people = pl.DataFrame({"worker": names, "year": years * workers})
    return people.with_columns(birth_year=pl.lit(1975), **{name: pl.lit(value) for name, value in covariates.items()})


def career(taxonomy: Taxonomy, codes: list[str], years: list[int]) -> Panel:
    records = alike(1, years).with_columns(pl.Series("occupation", codes), split=pl.lit("test"))
    return Panel(records, taxonomy, "BY HAND", Provenance("by hand"))


def pasts(occupations: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.bool_], int]]:
    """Workers with the same records up to a record, and that record's position. occupations: (workers, records)."""
    for position in range(occupations.shape[1]):
        for past in np.unique(occupations[:, :position], axis=0):
            yield (occupations[:, :position] == past).all(axis=1), position


def test_careers_are_drawn_with_the_stated_probabilities() -> None:
    """A chi-square test wherever 200 workers share a past, which by construction are independent draws."""
    dgp, years, workers = DataGeneratingProcess(FEW, DgpParameters()), [2000, 2001, 2003, 2004], 20_000
    people = alike(workers, years)
    drawn = dgp.draw(people, np.random.default_rng(0))
    records = people.with_columns(pl.Series("occupation", np.array(FEW.codes)[drawn]), split=pl.lit("test"))
    stated = np.exp(dgp.log_prob(Panel(records, FEW, "ALIKE", Provenance("alike"))).astype(float))
    stated, occupations = stated.reshape(workers, len(years), -1), drawn.reshape(workers, len(years))
    statistic = freedom = tested = 0.0
    for same, position in pasts(occupations):
        if same.sum() >= 200:
            expected = stated[same, position].sum(axis=0)
            observed = np.bincount(occupations[same, position], minlength=len(FEW))
            rare = expected < FEWEST_EXPECTED
            expected, observed = (np.append(of[~rare], of[rare].sum()) for of in (expected, observed))
            statistic += float(((observed - expected) ** 2 / np.maximum(expected, 1e-9)).sum())
            freedom += len(expected) - 1
            tested += 1
    assert tested > 30
    assert abs(statistic - freedom) / np.sqrt(2 * freedom) < 3


def test_probabilities_by_hand() -> None:
    """Three jobs and a state, all effects off but staying (3 of 4 a year), one state (odds 1) and shared words."""
    occupations = [("a", "Bank tellers", "Office"), ("b", "Bank managers", "Office"), ("c", "Cooks", "Kitchen")]
    taxonomy = Taxonomy.from_occupations("abc", occupations).with_states(["unemployed"])
    odds = {"unemployed": StateOdds(enter=0.0, stay=0.0)}
    parameters = dataclasses.replace(SAME, stay=np.log(3), same_words=3 * np.log(2), states=odds)
    by_year = [2000, 2001, 2003, 2004]
    found = np.exp(
        DataGeneratingProcess(taxonomy, parameters).log_prob(career(taxonomy, ["a", "a", "unemployed", "c"], by_year))
    )
    np.testing.assert_allclose(found[0], [1 / 6, 1 / 6, 1 / 6, 1 / 2], rtol=1e-5)
    moves = np.array([0, 1 / 3, 1 / 6, 1 / 2])  # "bank" is one word of three, which makes b twice as likely as c
    np.testing.assert_allclose(found[1], 0.75 * np.array([1, 0, 0, 0]) + 0.25 * moves, rtol=1e-5)
    np.testing.assert_allclose(found[2], 0.5625 * np.array([1, 0, 0, 0]) + 0.4375 * moves, rtol=1e-5)
    back = np.array([8 / 11, 2 / 11, 1 / 11, 0])  # the last job shares all its words with itself
    np.testing.assert_allclose(found[3], 0.5 * np.array([0, 0, 0, 1]) + 0.5 * back, rtol=1e-5)


@pytest.mark.parametrize(
    ("parameters", "codes", "years", "factor"),
    [
        (dataclasses.replace(SAME, return_to_former=np.log(2)), ["1", "2", "1"], [2000, 2001, 2002], 2),
        (dataclasses.replace(SAME, recall=np.log(2)), ["1", "unemployed", "1"], [2000, 2001, 2002], 2),
        (dataclasses.replace(SAME, return_to_former=np.log(2)), ["1", "1", "2"], [2000, 2001, 2002], 1),
    ],
)
def test_memory_by_hand(parameters: DgpParameters, codes: list[str], years: list[int], factor: float) -> None:
    """Odds of the last occupation of a career against those of an occupation that was never held."""
    panel = career(FEW, codes, years)
    chance = np.exp(DataGeneratingProcess(FEW, parameters).log_prob(panel))[-1]
    assert chance[FEW.position[codes[-1]]] / chance[FEW.position["9"]] == pytest.approx(factor, rel=1e-5)


def test_tenure_is_counted_in_years() -> None:
    parameters = dataclasses.replace(SAME, stay=0.0, stay_tenure=1.0)
    stays = np.exp(
        DataGeneratingProcess(FEW, parameters).log_likelihood(career(FEW, ["5"] * 4, [2000, 2001, 2003, 2004]))
    )[1:]
    odds = np.array([1, 2, 4])  # one and the years in the occupation before: none, one and three
    np.testing.assert_allclose(stays, (odds / (1 + odds)) ** [1, 2, 1], rtol=1e-5)


def test_perplexity_of_the_process_is_the_floor(test: Panel) -> None:
    dgp = DataGeneratingProcess.of(test)
    entropy, log_likelihood = dgp.entropy(test), dgp.log_likelihood(test)
    surprise = -log_likelihood - entropy  # mean zero, and no two records correlate
    assert abs(surprise.mean()) < 3 * surprise.std() / np.sqrt(len(surprise))
    log_prob = dgp.log_prob(test).astype(float)
    np.testing.assert_allclose(entropy, -(np.exp(log_prob) * log_prob).sum(axis=1), rtol=1e-4)
    observed = test.taxonomy.columns(test.records["occupation"])
    np.testing.assert_allclose(log_likelihood, log_prob[np.arange(len(observed)), observed], rtol=1e-5)


def test_a_seed_repeats_and_the_process_stays(panel: Panel, tmp_path: Path) -> None:
    again, other = import_synthetic(4000, MANY, seed=1), import_synthetic(50, MANY, seed=2)
    assert again.fingerprint == panel.fingerprint
    assert not panel.records["occupation"][:50].equals(other.records["occupation"][:50])
    other.save(tmp_path / "other.parquet")
    found = DataGeneratingProcess.of(Panel.load(tmp_path / "other.parquet"))
    assert found.parameters == DgpParameters()
    np.testing.assert_array_equal(found.log_prob(other), DataGeneratingProcess.of(panel).log_prob(other))


def test_other_parameters_are_remembered() -> None:
    parameters = DgpParameters(stay=3.0, birth_years=(1960, 1961), states={"unemployed": StateOdds(1.0)})
    assert DgpParameters.from_json(parameters.to_json()) == parameters
    taxonomy = load_taxonomy("nlswork").with_states(["unemployed"])
    assert DataGeneratingProcess.of(import_synthetic(3, taxonomy, parameters=parameters)).parameters == parameters


def test_titles_mean_the_same_in_every_taxonomy(test: Panel) -> None:
    """Half of the occupations keep the odds against each other that they have among all, but for their number."""
    half = Taxonomy.from_occupations("half", list(zip(MANY.codes, MANY.titles, MANY.groups, strict=True))[:160])
    person = career(half, [half.codes[0]], [2000])
    of_half = DataGeneratingProcess(half, DgpParameters()).log_prob(person)[0]
    of_all = DataGeneratingProcess(MANY, DgpParameters()).log_prob(dataclasses.replace(person, taxonomy=MANY))[0]
    np.testing.assert_allclose(np.diff(of_half), np.diff(of_all[:160]), atol=1e-4)


def test_profiles_are_those_of_a_survey(panel: Panel) -> None:
    records = panel.records.with_columns(
        age=pl.col("year") - pl.col("birth_year"),
        gap=pl.col("year").diff().over("worker"),
        before=pl.col("occupation").shift().over("worker"),
    ).with_columns(stay=pl.col("occupation") == pl.col("before"))
    yearly = records.filter(pl.col("gap") == 1)
    works = ~pl.col("before").is_in(DRAWN_STATES)

    def stay(who: pl.Expr) -> float:
        return float(yearly.filter(who)["stay"].mean())  # type: ignore[arg-type]

    def share(state: str, who: pl.Expr) -> float:
        return float((records.filter(who)["occupation"] == state).mean())  # type: ignore[arg-type]

    young, old = pl.col("age") < 23, pl.col("age") > 50
    tenured = pl.all_horizontal(pl.col("occupation").shift(n).over("worker") == pl.col("before") for n in (2, 3, 4))
    assert panel.workers == 4000
    assert 0.70 < stay(pl.lit(True)) < 0.80
    assert stay(works & young) < stay(works) < stay(works & old)
    assert stay(works & tenured.fill_null(False)) > stay(works) + 0.05
    assert share("in_education", young) > 0.25
    assert share("in_education", old) < 0.01
    assert 0.03 < share("unemployed", pl.lit(True)) < 0.10
    women = pl.col("gender") == "female"
    assert share("not_in_labor_force", women) > share("not_in_labor_force", ~women) + 0.05
    assert set(records["gap"].drop_nulls().unique()) >= {1, 2, 4}
    assert 0 < records["education"].null_count() < 0.03 * len(panel)


def test_movers_go_where_titles_are_alike(panel: Panel) -> None:
    moves = panel.records.with_columns(before=pl.col("occupation").shift().over("worker"))
    moves = moves.filter((pl.col("occupation") != pl.col("before")) & ~pl.col("before").is_in(DRAWN_STATES))
    groups = dict(zip(MANY.codes, MANY.groups, strict=True))
    origin, destination = (moves[name].replace_strict(groups) for name in ("before", "occupation"))
    by_chance = (origin == destination.sample(fraction=1, shuffle=True, seed=0)).mean()
    assert (origin == destination).mean() > 2 * by_chance  # type: ignore[operator]


def test_a_missing_covariate_has_no_effect() -> None:
    bare = career(FEW, ["1", "2"], [1999, 2001])
    bare = dataclasses.replace(bare, records=bare.records.select("worker", "year", "occupation", "split"))
    chance = np.exp(DataGeneratingProcess(FEW, DgpParameters()).log_prob(bare).astype(float))
    np.testing.assert_allclose(chance.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("states", [[], ["not_working"], list(DRAWN_STATES)])
def test_any_states(states: list[str]) -> None:
    panel = import_synthetic(20, load_taxonomy("nlswork").with_states(states))
    chance = np.exp(DataGeneratingProcess.of(panel).log_prob(panel).astype(float))
    np.testing.assert_allclose(chance.sum(axis=1), 1, atol=1e-5)


def test_what_is_refused(panel: Panel) -> None:
    with pytest.raises(SourceError, match="cannot draw 0 workers: at least 1 is needed"):
        import_synthetic(0, FEW)
    with pytest.raises(SourceError, match="taxonomy one has fewer than two occupations"):
        import_synthetic(1, Taxonomy.from_occupations("one", [("1", "Cooks", "")]).with_states(["unemployed"]))
    with pytest.raises(SourceError, match="the data-generating process of BY HAND is not known"):
        DataGeneratingProcess.of(career(FEW, ["1"], [2000]))
    with pytest.raises(SourceError, match="the process is over nlswork, the panel over occ1990dd"):
        DataGeneratingProcess(FEW, DgpParameters()).log_prob(panel)
    with pytest.raises(SourceError, match="no interview at ages"):
        import_synthetic(1, FEW, parameters=DgpParameters(birth_years=(2020, 2021)))
