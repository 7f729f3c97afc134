import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.errors import OptionError
from laborllm.evaluation.arrays import Bools, Indices, Numbers
from laborllm.evaluation.bootstrap import ClusterBootstrap
from laborllm.evaluation.draws import Draws


def bootstrap(cluster: Indices, weight: Numbers | None = None, **options: int) -> ClusterBootstrap:
    return ClusterBootstrap(cluster, np.ones(len(cluster)) if weight is None else weight, **options)  # type: ignore[arg-type]


def naive_draws(values: Numbers, cell: Bools, cluster: Indices, weight: Numbers, draws: int, seed: int) -> Numbers:
    """Glue the records of the drawn clusters together, draw by draw, and average."""
    clusters = cluster.max() + 1
    generator = np.random.default_rng(seed)
    means = []
    for _ in range(draws):
        drawn = generator.integers(clusters, size=clusters)
        kept = np.concatenate([np.flatnonzero((cluster == each) & cell) for each in drawn])
        means.append(np.average(values[kept], weights=weight[kept]) if len(kept) else np.nan)
    return np.array(means)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.integers(0, 2**16))
def test_draws_are_those_of_a_naive_loop(lengths: list[int], seed: int) -> None:
    """Weighted, with the records of a cluster scattered among those of others."""
    generator = np.random.default_rng(seed)
    cluster = generator.permutation(np.repeat(np.arange(len(lengths)), lengths))
    values, weight = generator.normal(size=(len(cluster), 2)), generator.uniform(0.1, 5, size=len(cluster))
    cells = generator.random((len(cluster), 3)) < 0.6
    found = bootstrap(cluster, weight, draws=40, seed=seed).mean(values, cells)
    for measure in range(2):
        for cell in range(3):
            expected = naive_draws(values[:, measure], cells[:, cell], cluster, weight, 40, seed)
            np.testing.assert_allclose(found.resampled[:, measure, cell], expected, rtol=1e-9, atol=1e-12)
            if cells[:, cell].any():
                inside = cells[:, cell]
                mean = np.average(values[inside, measure], weights=weight[inside])
                np.testing.assert_allclose(found.estimate[measure, cell], mean, rtol=1e-9, atol=1e-12)


def test_the_standard_error_is_that_of_the_mean_of_one_record_per_worker() -> None:
    values = np.random.default_rng(1).normal(size=(400, 1))
    found = bootstrap(np.arange(400), draws=4000).mean(values, np.ones((400, 1), dtype=bool))
    assert found[0, 0].standard_error == pytest.approx(values.std() / np.sqrt(400), rel=0.05)  # s.e. of an s.e.: 1.1 %
    low, high = found[0, 0].interval
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(400), rel=0.06)


def test_a_clustered_standard_error_is_that_of_statsmodels() -> None:
    """Records of a cluster share an effect, and have weights: the sandwich of a weighted mean."""
    api = pytest.importorskip("statsmodels.api")
    generator = np.random.default_rng(2)
    cluster = np.repeat(np.arange(300), generator.integers(1, 8, size=300))
    values = generator.normal(size=300)[cluster] + generator.normal(size=len(cluster))
    weight = generator.uniform(0.2, 4, size=len(cluster))
    model = api.WLS(values, np.ones(len(values)), weights=weight)
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False})
    found = bootstrap(cluster, weight, draws=4000).mean(values[:, None], np.ones((len(values), 1), dtype=bool))[0, 0]
    assert float(found.estimate) == pytest.approx(fit.params[0])
    assert found.standard_error == pytest.approx(fit.bse[0], rel=0.05)


def test_the_standard_error_within_strata_is_that_of_the_textbook() -> None:
    """The mean of one record per cluster: its variance is the sum over strata of (m / n)^2 s^2 / m (Cochran 1977).
    Clusters drawn from all would overstate it where strata differ."""
    generator = np.random.default_rng(3)
    stratum = np.repeat(np.arange(40), generator.integers(2, 6, size=40))
    values = 5 * generator.normal(size=40)[stratum] + generator.normal(size=len(stratum))
    sizes = np.bincount(stratum)
    within = sum(size * values[stratum == each].var(ddof=1) for each, size in enumerate(sizes))
    everyone = np.ones((len(values), 1), dtype=bool)
    given = ClusterBootstrap(np.arange(len(values)), np.ones(len(values)), stratum, draws=4000)
    found = given.mean(values[:, None], everyone)[0, 0]
    assert found.standard_error == pytest.approx(np.sqrt(within) / len(values), rel=0.05)
    assert (
        bootstrap(np.arange(len(values))).mean(values[:, None], everyone)[0, 0].standard_error
        > 2 * found.standard_error
    )


def test_copies_of_a_record_add_nothing() -> None:
    values = np.random.default_rng(1).normal(size=(100, 1))
    once = bootstrap(np.arange(100), draws=200).mean(values, np.ones((100, 1), dtype=bool))
    copied = bootstrap(np.repeat(np.arange(100), 7), draws=200).mean(
        np.repeat(values, 7, axis=0), np.ones((700, 1), dtype=bool)
    )
    np.testing.assert_allclose(copied.resampled, once.resampled)


def test_differences_are_paired() -> None:
    """Two measures that differ by a constant differ by it in every draw."""
    values = np.random.default_rng(2).normal(size=(90, 1))
    found = bootstrap(np.repeat(np.arange(30), 3), draws=100).mean(
        np.hstack([values, values + 2]), np.ones((90, 1), dtype=bool)
    )
    difference = found[1, 0] - found[0, 0]
    assert difference.standard_error == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(difference.interval, 2)


@pytest.mark.parametrize("stratum", [None, np.arange(37) % 4])
def test_chunks_do_not_change_the_draws(stratum: Indices | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without strata draw by draw; within them only the distribution of the draws is the same."""
    sums = np.random.default_rng(3).normal(size=(37, 2))
    whole = Draws(37, stratum, 60).totals([(np.arange(37), sums)])
    monkeypatch.setattr("laborllm.evaluation.draws.CHUNK", 200)
    chunked = Draws(37, stratum, 60).totals([(np.arange(37), sums)])
    assert chunked.shape == whole.shape == (61, 2)
    if stratum is None:
        np.testing.assert_allclose(chunked, whole)


def test_an_infinite_value_spoils_only_its_own_cell() -> None:
    values = np.array([[1.0], [np.inf], [3.0]])
    cells = np.array([[True, True], [True, False], [True, True]])
    found = bootstrap(np.arange(3), draws=50).mean(values, cells)
    assert found.estimate.tolist() == [[np.inf, 2.0]]
    assert np.isnan(found[0, 0].standard_error)
    assert np.isfinite(found[0, 1].standard_error)


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(OptionError, match="use 40 or more"):
        bootstrap(np.arange(3), draws=10)


def test_a_thousand_draws_for_five_models_take_seconds_at_most() -> None:
    cluster = np.repeat(np.arange(4000), 5)
    values = np.random.default_rng(0).normal(size=(20_000, 5))
    cells = np.random.default_rng(1).random((20_000, 4)) < 0.5
    start = time.perf_counter()
    bootstrap(cluster, draws=1000).mean(values, cells)
    assert time.perf_counter() - start < 5  # 0.2 s on two idle cores
