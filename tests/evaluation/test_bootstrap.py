import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.errors import OptionError
from laborllm.evaluation.arrays import Bools, Indices
from laborllm.evaluation.bootstrap import Floats, WorkerBootstrap, resampled_totals, worker_sums


def naive_mean_draws(values: Floats, cell: Bools, worker: Indices, draws: int, seed: int) -> Floats:
    """Glue the records of the drawn workers together, draw by draw, and average."""
    workers = worker.max() + 1
    generator = np.random.default_rng(seed)
    means = []
    for _ in range(draws):
        drawn = generator.integers(workers, size=workers)
        kept = np.concatenate([np.flatnonzero((worker == each) & cell) for each in drawn])
        means.append(values[kept].mean() if len(kept) else np.nan)
    return np.array(means)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.integers(0, 2**16))
def test_draws_are_those_of_a_naive_loop(lengths: list[int], seed: int) -> None:
    worker = np.repeat(np.arange(len(lengths)), lengths)
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(len(worker), 2))
    cells = generator.random((len(worker), 3)) < 0.6
    found = WorkerBootstrap(worker, draws=40, seed=seed).mean(values, cells)
    for measure in range(2):
        for cell in range(3):
            expected = naive_mean_draws(values[:, measure], cells[:, cell], worker, 40, seed)
            np.testing.assert_allclose(found.resampled[:, measure, cell], expected, rtol=1e-9, atol=1e-12)
            if cells[:, cell].any():
                mean = values[cells[:, cell], measure].mean()
                np.testing.assert_allclose(found.estimate[measure, cell], mean, rtol=1e-9, atol=1e-12)


def test_the_standard_error_is_that_of_the_mean_of_one_record_per_worker() -> None:
    values = np.random.default_rng(1).normal(size=(400, 1))
    found = WorkerBootstrap(np.arange(400), draws=4000).mean(values, np.ones((400, 1), dtype=bool))
    assert found[0, 0].standard_error == pytest.approx(values.std() / np.sqrt(400), rel=0.05)  # s.e. of an s.e.: 1.1 %
    low, high = found[0, 0].interval
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(400), rel=0.06)


def test_copies_of_a_record_add_nothing() -> None:
    values = np.random.default_rng(1).normal(size=(100, 1))
    once = WorkerBootstrap(np.arange(100), draws=200).mean(values, np.ones((100, 1), dtype=bool))
    copied = WorkerBootstrap(np.repeat(np.arange(100), 7), draws=200).mean(
        np.repeat(values, 7, axis=0), np.ones((700, 1), dtype=bool)
    )
    np.testing.assert_allclose(copied.resampled, once.resampled)


def test_differences_are_paired() -> None:
    """Two measures that differ by a constant differ by it in every draw."""
    values = np.random.default_rng(2).normal(size=(90, 1))
    worker = np.repeat(np.arange(30), 3)
    found = WorkerBootstrap(worker, draws=100).mean(np.hstack([values, values + 2]), np.ones((90, 1), dtype=bool))
    difference = found[1, 0] - found[0, 0]
    assert difference.standard_error == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(difference.interval, 2)


def test_chunks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = np.random.default_rng(3).normal(size=(37, 2))
    whole = resampled_totals(sums, 60, np.random.default_rng(4))
    monkeypatch.setattr("laborllm.evaluation.bootstrap.CHUNK", 200)
    np.testing.assert_allclose(resampled_totals(sums, 60, np.random.default_rng(4)), whole)


def test_an_infinite_value_spoils_only_its_own_cell() -> None:
    values = np.array([[1.0], [np.inf], [3.0]])
    cells = np.array([[True, True], [True, False], [True, True]])
    found = WorkerBootstrap(np.arange(3), draws=50).mean(values, cells)
    assert found.estimate.tolist() == [[np.inf, 2.0]]
    assert np.isnan(found[0, 0].standard_error)
    assert np.isfinite(found[0, 1].standard_error)


def test_worker_sums_add_adjacent_records() -> None:
    sums = worker_sums(np.array([[1.0, 2], [3, 4], [5, 6]]), np.array([0, 0, 1]))
    assert sums.tolist() == [[4, 6], [5, 6]]


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(OptionError, match="use 40 or more"):
        WorkerBootstrap(np.arange(3), draws=10)


def test_a_thousand_draws_for_five_models_take_seconds_at_most() -> None:
    worker = np.repeat(np.arange(4000), 5)
    values = np.random.default_rng(0).normal(size=(20_000, 5))
    cells = np.random.default_rng(1).random((20_000, 4)) < 0.5
    start = time.perf_counter()
    WorkerBootstrap(worker, draws=1000).mean(values, cells)
    assert time.perf_counter() - start < 5  # 0.2 s on two idle cores
