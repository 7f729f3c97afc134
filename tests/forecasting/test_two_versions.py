"""Two versions of a career: what is changed and what is not, and that both arms share their numbers."""

import numpy as np
import polars as pl
import pytest

import laborllm as ll
from laborllm.errors import OptionError, PanelError, TaxonomyError
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.forecasting.simulation.two_years import two_years_ahead
from laborllm.forecasting.simulation.versions import if_records_said
from laborllm.forecasting.simulation.what_if import what_if
from laborllm.models.counts.specs import Transition
from laborllm.models.counts.transition import FittedTransition
from laborllm.panel import Panel

YEARS = [2025, 2026]


@pytest.fixture(scope="module")
def whole() -> Panel:
    return ll.import_synthetic(workers=150, taxonomy="nlswork")


@pytest.fixture(scope="module")
def chain(whole: Panel) -> FittedTransition:
    return Transition("plain").fit(whole)


@pytest.fixture(scope="module")
def opened(whole: Panel) -> Panel:
    return whole.sample(12, seed=2).open(YEARS)


def last_records(panel: Panel) -> dict[str, dict[str, object]]:
    """The last observed record of each worker, by a loop over the rows."""
    found: dict[str, dict[str, object]] = {}
    for row in panel.records.sort("worker", "year").iter_rows(named=True):
        if row["occupation"] is not None:
            found[row["worker"]] = row
    return found


def differing(one: Panel, other: Panel) -> list[tuple[str, int, str]]:
    """Worker, year and column of every cell in which two panels differ."""
    rows = zip(one.records.iter_rows(named=True), other.records.iter_rows(named=True), strict=True)
    return [(a["worker"], a["year"], name) for a, b in rows for name in a if a[name] != b[name]]


def test_another_last_occupation_changes_one_cell_of_each(opened: Panel) -> None:
    code = opened.taxonomy.codes[0]
    made = if_records_said(opened, last_occupation=code)
    last = last_records(opened)
    expected = [(worker, row["year"], "occupation") for worker, row in last.items() if row["occupation"] != code]
    assert sorted(differing(opened, made)) == sorted(expected)
    assert {row["occupation"] for row in last_records(made).values()} == {code}


def test_another_education_holds_from_the_last_record_on(opened: Panel) -> None:
    made = if_records_said(opened, education="graduate degree")
    last = {worker: row["year"] for worker, row in last_records(opened).items()}
    for worker, year, column in differing(opened, made):
        assert column == "education"
        assert year >= last[worker]  # type: ignore[operator]
    since = made.records.filter(pl.col("year") >= pl.col("worker").replace_strict(last, return_dtype=pl.Int64))
    assert since["education"].unique().to_list() == ["graduate degree"]


def test_another_region_holds_of_all_records(opened: Panel) -> None:
    made = if_records_said(opened, region="west")
    assert made.records["region"].unique().to_list() == ["west"]
    assert {column for _, _, column in differing(opened, made)} == {"region"}


def test_several_changes_are_those_of_each(opened: Panel) -> None:
    code = opened.taxonomy.codes[1]
    together = if_records_said(opened, region="west", last_occupation=code)
    one_by_one = if_records_said(if_records_said(opened, region="west"), last_occupation=code)
    assert together.records.equals(one_by_one.records)
    with pytest.raises(PanelError, match="the what-if changes nothing"):
        if_records_said(together, region="west", last_occupation=code)


def test_what_is_no_what_if_is_refused(opened: Panel) -> None:
    with pytest.raises(OptionError, match="needs another record"):
        if_records_said(opened)
    with pytest.raises(OptionError, match="are two what-ifs"):
        if_records_said(opened, last_occupation=opened.taxonomy.codes[0], out_of_work=True)
    with pytest.raises(TaxonomyError, match="no occupation with code 'zorb'"):
        if_records_said(opened, last_occupation="zorb")


def test_the_first_year_of_a_what_if_is_a_difference_of_two_rows(chain: FittedTransition, opened: Panel) -> None:
    code = opened.taxonomy.codes[0]
    found = what_if(chain, opened, if_records_said(opened, last_occupation=code), draws=20)
    for at, before in enumerate(found.workers["occupation"]):
        expected = chain.table[0] - chain.table[opened.taxonomy.position[before]]
        np.testing.assert_allclose(found.probability[at, 0], expected, atol=1e-5)
    assert not found.error[:, 0].any()


def test_turned_round_a_difference_changes_its_sign(chain: FittedTransition, opened: Panel) -> None:
    other = if_records_said(opened, last_occupation=opened.taxonomy.codes[2])
    there, back = what_if(chain, opened, other, draws=40), what_if(chain, other, opened, draws=40)
    np.testing.assert_allclose(there.probability, -back.probability, atol=1e-6)
    np.testing.assert_allclose(there.error, back.error, atol=1e-6)
    np.testing.assert_allclose(there.probability.sum(axis=2), 0, atol=1e-5)


def test_a_version_differs_from_itself_in_nothing(chain: FittedTransition, opened: Panel) -> None:
    found = what_if(chain, opened, opened, draws=10)
    assert not found.probability.any()
    assert not found.error.any()


def test_a_what_if_is_the_difference_of_two_simulations(chain: FittedTransition, opened: Panel) -> None:
    """Common random numbers: both simulations by themselves, with the seed of the what-if."""
    other = if_records_said(opened, last_occupation=opened.taxonomy.codes[2])
    found = what_if(chain, opened, other, draws=60, seed=9)
    one, two = (simulate(chain, version, draws=60, seed=9) for version in (opened, other))
    np.testing.assert_allclose(found.before, one.probability, atol=1e-6)
    np.testing.assert_allclose(found.probability, two.probability - one.probability, atol=1e-5)
    apart = np.sqrt(one.error.astype(np.float64) ** 2 + two.error.astype(np.float64) ** 2)
    assert found.error.sum() < apart.sum()


def test_other_people_or_years_are_no_version(chain: FittedTransition, whole: Panel, opened: Panel) -> None:
    for other in (whole.sample(11, seed=3).open(YEARS), whole.sample(12, seed=2).open([2025, 2027])):
        with pytest.raises(PanelError, match="have other workers, or other years"):
            what_if(chain, opened, other, draws=5)


def test_two_years_ahead_are_the_square_of_a_chain(chain: FittedTransition, opened: Panel) -> None:
    exact = two_years_ahead(chain, opened)
    origin = simulate(chain, opened, draws=1).origin
    np.testing.assert_allclose(exact, (chain.table @ chain.table)[origin], atol=1e-5)
    np.testing.assert_allclose(exact.sum(axis=1), 1, atol=1e-6)
    with pytest.raises(PanelError, match="two years ahead take exactly 2"):
        two_years_ahead(chain, opened.observed().open([2025]))


def test_a_simulation_is_within_its_error_of_the_exact_law(chain: FittedTransition, opened: Panel) -> None:
    exact, found = two_years_ahead(chain, opened), simulate(chain, opened, draws=800, seed=1)
    off = np.abs(found.probability[:, 1] - exact)
    errors = off / found.error[:, 1]
    assert np.quantile(errors, 0.99) < 3  # of rare occupations too, which no path may have drawn
    assert errors.max() < 6
    assert np.sqrt((off**2).mean()) <= 1.5 * np.sqrt((found.error[:, 1] ** 2).mean())
