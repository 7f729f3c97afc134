"""Mixture weights against a grid, the condition of the optimum and a known optimum; members that changed."""

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import OptionError, PanelError, RunError
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.forecast import Forecast
from laborllm.models.language.specs import OffTheShelf
from laborllm.models.mixture.history import history_features
from laborllm.models.mixture.specs import Mixture
from laborllm.models.mixture.weights import constant_weights, softmax_weights
from laborllm.models.oracle import Oracle
from laborllm.models.registry import load
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance, assign_split
from laborllm.sources.synthetic import import_synthetic

KINDS = ("constant", "varying")


@pytest.fixture(scope="module")
def synthetic() -> Panel:
    occupations = [(str(code), title, "All") for code, title in enumerate(("Cooks", "Nurses", "Welders", "Roofers"))]
    return import_synthetic(300, Taxonomy.from_occupations("small", occupations).with_states(["unemployed"]), seed=1)


@pytest.fixture(scope="module")
def runs(synthetic: Panel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs `oracle`, `transition` and `plain`, and forecasts `noise.parquet` that know nothing."""
    folder = tmp_path_factory.mktemp("runs")
    Oracle().fit(synthetic).save(folder / "oracle")
    Transition().fit(synthetic).save(folder / "transition")
    Transition(variant="plain").fit(synthetic).save(folder / "plain")
    noise = np.random.default_rng(0).dirichlet(np.ones(len(synthetic.taxonomy)), size=len(synthetic))
    as_forecast(np.log(noise), synthetic).save(folder / "noise.parquet")
    return folder


def as_forecast(log_prob: np.ndarray, panel: Panel) -> Forecast:
    records = panel.records.select("worker", "year", "occupation")
    return Forecast(records, panel.taxonomy, log_prob.astype(np.float32), np.ones(len(panel)), "made up")


def mean_log(weights: np.ndarray, log_prob: np.ndarray) -> float:
    return float(np.log(np.exp(log_prob) @ weights).mean())


@given(seed=st.integers(0, 10**6), members=st.integers(1, 5), spread=st.sampled_from((0.01, 1.0, 5.0)))
def test_constant_weights_are_the_best_there_are(seed: int, members: int, spread: float) -> None:
    """Within 1e-6 nats of any corner, mean of corners or random point of the simplex, and the same every time."""
    generator = np.random.default_rng(seed)
    log_prob = -np.abs(generator.normal(scale=spread, size=(40, members)))
    weights = constant_weights(log_prob)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1, abs=1e-9)
    baselines = [*np.eye(members), *generator.dirichlet(np.full(members, 0.3), size=100)]
    assert all(mean_log(weights, log_prob) >= mean_log(baseline, log_prob) - 1e-6 for baseline in baselines)
    np.testing.assert_array_equal(weights, constant_weights(log_prob))


def test_constant_weights_against_a_grid() -> None:
    log_prob = np.log(np.random.default_rng(3).uniform(0.05, 1, size=(200, 3)) ** [1, 1, 1.5])
    grid = [np.array([a, b, 1 - a - b]) for a in np.linspace(0, 1, 201) for b in np.linspace(0, 1, 201) if a + b <= 1]
    best = max(grid, key=lambda weights: mean_log(weights, log_prob))
    np.testing.assert_allclose(constant_weights(log_prob), best, atol=0.01)


def test_a_record_that_no_member_allows_says_nothing() -> None:
    log_prob = np.log(np.array([[0.5, 0.1], [0.2, 0.9]]))
    impossible = np.vstack([log_prob, np.full(2, -np.inf)])
    np.testing.assert_array_equal(constant_weights(impossible), constant_weights(log_prob))


def test_varying_weights_find_where_each_member_is_right() -> None:
    """The first member knows the records of which the feature is 1, the second the others."""
    feature = np.tile([0.0, 1.0], 50)
    log_prob = np.log(np.where(feature[:, None] == [1, 0], 0.9, 0.1))
    coefficients = softmax_weights(log_prob, np.column_stack([feature, np.ones(100)]), 1e-6)
    at_one, at_zero = coefficients.sum(axis=0), coefficients[1]
    assert np.exp(at_one - np.logaddexp.reduce(at_one))[0] > 0.99
    assert np.exp(at_zero - np.logaddexp.reduce(at_zero))[1] > 0.99


@pytest.mark.parametrize("weights", KINDS)
def test_one_member_is_the_mixture(weights: str, runs: Path, synthetic: Panel) -> None:
    mixed = Mixture((runs / "transition",), weights=weights).fit(synthetic).forecast(synthetic)  # type: ignore[arg-type]
    alone = load(runs / "transition").forecast(synthetic)
    np.testing.assert_allclose(mixed.log_prob, alone.log_prob, atol=1e-6)


@pytest.mark.parametrize("weights", KINDS)
def test_the_oracle_gets_the_weight(weights: str, runs: Path, synthetic: Panel, tmp_path: Path) -> None:
    members = (runs / "oracle", runs / "noise.parquet")
    model = Mixture(members, weights=weights).fit(synthetic)  # type: ignore[arg-type]
    model.save(tmp_path / "mixture")
    assert load(tmp_path / "mixture").metrics[f"mean weight of {runs / 'oracle'}"] > 0.95


@pytest.mark.parametrize("weights", KINDS)
def test_no_member_is_better_on_validation(weights: str, runs: Path, synthetic: Panel) -> None:
    members = [runs / name for name in ("transition", "plain", "noise.parquet")]
    mixture = Mixture(tuple(members), weights=weights).fit(synthetic)  # type: ignore[arg-type]
    valid = synthetic.subset("valid")
    best = max(load(member).log_likelihood(valid).mean() for member in members[:2])
    assert mixture.log_likelihood(valid).mean() >= best - 1e-6


def test_errors_of_members_carry_over(panel: Panel, base_folder: Path, tmp_path: Path) -> None:
    """The bound holds against the mixture of exact forecasts, and the mixture says how its members score."""
    OffTheShelf(base=str(base_folder)).fit(panel).save(tmp_path / "base")
    Transition().fit(panel).save(tmp_path / "counts")
    Mixture(
        (
            tmp_path / "base",
            tmp_path / "counts",
        )
    ).fit(panel).save(tmp_path / "mixture")
    test = panel.subset("test")
    exact = load(tmp_path / "mixture").forecast(test)
    pruned = load(tmp_path / "mixture").forecast(test, scoring=ScoringOptions("pruned", tolerance=0.3))
    assert exact.error_bound is None
    assert pruned.error_bound is not None
    distance = np.abs(np.exp(exact.log_prob) - np.exp(pruned.log_prob)).sum(axis=1) / 2
    assert (distance <= pruned.error_bound + 1e-6).all()


def test_a_member_that_changed_is_refused(synthetic: Panel, tmp_path: Path) -> None:
    Transition().fit(synthetic).save(tmp_path / "run")
    uniform = np.zeros((len(synthetic), len(synthetic.taxonomy))) - np.log(len(synthetic.taxonomy))
    as_forecast(uniform, synthetic).save(tmp_path / "forecast.parquet")
    Mixture(
        (
            tmp_path / "run",
            tmp_path / "forecast.parquet",
        )
    ).fit(synthetic).save(tmp_path / "mixture")
    moved = tmp_path.rename(tmp_path.with_name("moved"))  # together, they stay what they were
    load(moved / "mixture")
    with (moved / "forecast.parquet").open("ab") as file:
        file.write(b"0")
    with pytest.raises(RunError, match=r"forecast\.parquet, which has changed since"):
        load(moved / "mixture")


def test_what_cannot_be_mixed_is_refused(runs: Path, synthetic: Panel, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="at least one member"):
        Mixture(())
    with pytest.raises(OptionError, match="named twice"):
        Mixture(
            (
                runs / "plain",
                runs / ".." / runs.name / "plain",
            )
        )
    with pytest.raises(OptionError, match="use constant or varying"):
        Mixture((runs / "plain",), weights="equal")  # type: ignore[arg-type]
    with pytest.raises(RunError, match="no run folder and no file of forecasts"):
        Mixture((tmp_path / "nothing",)).fit(synthetic)
    other_split = dataclasses.replace(
        synthetic, records=assign_split(synthetic.records.drop("split"), seed=9), provenance=Provenance("again")
    )
    with pytest.raises(RunError, match="fitted on another split"):
        Mixture((runs / "plain",)).fit(other_split)
    wider = dataclasses.replace(synthetic, taxonomy=synthetic.taxonomy.with_states(["in_education"]))
    with pytest.raises(RunError, match="over taxonomy small with 5 occupations, the panel has small with 6"):
        Mixture((runs / "noise.parquet",)).fit(wider)
    with pytest.raises(PanelError, match="no worker of the panel is in split valid"):
        Mixture((runs / "plain",)).fit(synthetic.subset("train"))


def test_history_by_hand(synthetic: Panel) -> None:
    codes = ["1", "1", "unemployed", "0"]
    rows = pl.DataFrame({"worker": ["a"] * 4, "year": [2000, 2001, 2003, 2004], "occupation": codes, "split": "valid"})
    panel = dataclasses.replace(synthetic, records=rows.with_columns(birth_year=pl.Series([1980, None, 1980, 1980])))
    found = history_features(panel, np.array([0.0, 9, 0, 0, 4]))
    expected = [
        [1, 0, 0, 0, 0, 0, 20],
        [0, 0, np.log(10), np.log(2), 1, 0, np.nan],
        [0, 0, np.log(10), np.log(3), 2, np.log(2), 23],
        [0, 1, np.log(5), np.log(4), 1, 0, 24],
    ]
    np.testing.assert_allclose(found, expected)
