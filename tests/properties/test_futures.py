"""What holds of any simulation: rows sum to one, groups to their people, and nobody depends on who else is there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.forecasting.groups import group_shares
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.models.contract import Fitted
from laborllm.panel import Panel

FEW = settings(max_examples=15)
SEEDS = st.integers(0, 2**31 - 1)
LAST = 2010
YEARS = st.sets(st.integers(LAST, LAST + 15), min_size=1, max_size=4).map(sorted)
DRAWS = st.integers(1, 12)


@FEW
@given(years=YEARS, draws=DRAWS, seed=SEEDS)
def test_shares_sum_to_one_and_the_first_year_is_the_forecast(
    counts: Fitted, panel: Panel, years: list[int], draws: int, seed: int
) -> None:
    paths = simulate(counts, panel, years=years, draws=draws, seed=seed)
    assert paths.probability.min() >= 0
    np.testing.assert_allclose(paths.probability.sum(axis=2), 1, atol=1e-5)
    assert paths.years.tolist() == [years] * panel.workers
    assert set(np.unique(paths.occupation)) <= set(range(len(panel.taxonomy)))
    exact = counts.forecast(panel.open(years[:1])).only_open()
    assert exact.records["worker"].to_list() == paths.workers["worker"].to_list()
    np.testing.assert_allclose(paths.probability[:, 0], np.exp(exact.log_prob), atol=1e-6)


@FEW
@given(years=YEARS, draws=DRAWS, seed=SEEDS, some=st.integers(1, 59))
def test_workers_are_independent_of_each_other(
    counts: Fitted, panel: Panel, years: list[int], draws: int, seed: int, some: int
) -> None:
    """Any of them alone take the paths that they take among all."""
    among_all = simulate(counts, panel, years=years, draws=draws, seed=seed)
    alone = simulate(counts, panel.sample(some, seed=seed), years=years, draws=draws, seed=seed)
    rows = np.flatnonzero(among_all.workers["worker"].is_in(alone.workers["worker"].implode()))
    assert alone.workers.equals(among_all.workers[rows])
    np.testing.assert_array_equal(alone.occupation, among_all.occupation[rows])
    np.testing.assert_allclose(alone.probability, among_all.probability[rows], atol=1e-6)


@FEW
@given(years=YEARS, draws=DRAWS, seed=SEEDS, groups=st.integers(1, 5))
def test_groups_sum_to_their_people(
    two_part: Fitted, panel: Panel, years: list[int], draws: int, seed: int, groups: int
) -> None:
    paths = simulate(two_part, panel, years=years, draws=draws, seed=seed)
    labels = np.random.default_rng(seed).integers(groups, size=panel.workers).astype(str).tolist()
    for major in (False, True):
        found = group_shares(paths, labels, major=major)
        for (label, _), cell in found.group_by("group", "year"):
            people = labels.count(str(label))
            assert set(cell["workers"]) == {people}
            assert cell["count"].sum() == pytest.approx(people, rel=1e-4)
            assert cell["share"].sum() == pytest.approx(1, rel=1e-4)
            assert (cell["low"] <= cell["high"]).all()
            assert cell["high"].max() <= people
        assert found["year"].unique().sort().to_list() == years
