"""A temperature against a minimiser of another library, a known one, and what it must leave alone."""

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]
from scipy.special import log_softmax  # type: ignore[import-untyped]

from laborllm.errors import OptionError
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.forecast import Forecast
from laborllm.models.language.specs import OffTheShelf
from laborllm.models.mixture.mixture import FittedMixture
from laborllm.models.mixture.specs import Mixture
from laborllm.models.mixture.temperature import RANGE, best_temperature, tempered
from laborllm.models.registry import load
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.sources.synthetic import import_synthetic


@pytest.fixture(scope="module")
def synthetic() -> Panel:
    occupations = [(str(code), title, "All") for code, title in enumerate(("Cooks", "Nurses", "Welders", "Roofers"))]
    return import_synthetic(200, Taxonomy.from_occupations("small", occupations).with_states(["unemployed"]), seed=1)


@pytest.fixture(scope="module")
def run(synthetic: Panel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "two-part"
    Transition().fit(synthetic).save(folder)
    return folder


@pytest.fixture(scope="module")
def mixture(run: Path, synthetic: Panel) -> FittedMixture:
    return Mixture((run,), tempered=True).fit(synthetic)


def drawn(sharpness: float, records: int = 4000) -> Forecast:
    """Forecasts whose records were drawn from them at the temperature 1 / sharpness; one occupation cannot be."""
    generator = np.random.default_rng(5)
    taxonomy = Taxonomy.from_occupations("five", [(str(code), f"Title {code}", "All") for code in range(5)])
    log_prob = log_softmax(generator.normal(scale=1.5, size=(records, 5)), axis=1)
    log_prob[: records // 2, 4] = -np.inf
    log_prob = log_softmax(log_prob, axis=1)
    law = np.exp(log_softmax(sharpness * log_prob, axis=1))
    codes = [taxonomy.codes[generator.choice(5, p=row)] for row in law]
    careers = pl.DataFrame({"worker": [str(at) for at in range(records)], "year": 2000, "occupation": codes})
    return Forecast(careers, taxonomy, log_prob.astype(np.float32), np.ones(records), "drawn")


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 1.6])
def test_the_best_temperature_is_that_of_scipy_and_near_the_true_one(sharpness: float) -> None:
    forecast = drawn(sharpness)
    observed = np.arange(len(forecast.records)), forecast.observed

    def loss(temperature: float) -> float:
        scaled = np.maximum(forecast.log_prob.astype(float), -300) / temperature
        return -float(log_softmax(scaled, axis=1)[observed].mean())

    found = best_temperature(forecast)
    assert found == pytest.approx(minimize_scalar(loss, bounds=RANGE, method="bounded").x, abs=1e-3)
    assert found == pytest.approx(1 / sharpness, rel=0.08)


def test_forecasts_that_are_always_right_are_sharpened_as_far_as_allowed() -> None:
    forecast = drawn(1.0, records=50)
    best = [forecast.taxonomy.codes[at] for at in forecast.log_prob.argmax(axis=1)]
    sure = dataclasses.replace(forecast, records=forecast.records.with_columns(occupation=pl.Series(best)))
    assert best_temperature(sure) == pytest.approx(RANGE[0], rel=1e-4)


def test_a_temperature_by_hand() -> None:
    """Of 1/2 and 1/2: the same at any; of 4/5 and 1/5 at 2: the roots 2 and 1, which are 2/3 and 1/3."""
    log_prob = np.log(np.array([[0.5, 0.5], [0.8, 0.2]]))
    np.testing.assert_allclose(np.exp(tempered(log_prob, 2.0)), [[0.5, 0.5], [2 / 3, 1 / 3]])
    np.testing.assert_allclose(tempered(log_prob, 1.0), log_prob)


def test_a_model_at_a_temperature_is_better_on_split_valid_and_survives_its_folder(
    mixture: FittedMixture, run: Path, synthetic: Panel, tmp_path: Path
) -> None:
    """Each of 40 other temperatures is no better; what is read back forecasts the same."""
    valid = synthetic.subset("valid")
    plain, found = load(run).forecast(valid), mixture.forecast(valid)
    by_hand = log_softmax(plain.log_prob.astype(float) / mixture.temperature, axis=1)
    np.testing.assert_allclose(found.log_prob, by_hand, atol=1e-5)
    others = [
        dataclasses.replace(plain, log_prob=tempered(plain.log_prob, t)).log_likelihood.mean()
        for t in np.geomspace(0.2, 5, 40)
    ]
    assert found.log_likelihood.mean() >= max(others) - 1e-6
    assert mixture.metrics["validation perplexity"] == pytest.approx(np.exp(-found.log_likelihood.mean()))
    np.testing.assert_allclose(mixture.log_likelihood(valid), found.raw_log_likelihood)
    mixture.save(tmp_path / "tempered")
    again = load(tmp_path / "tempered").forecast(valid)
    np.testing.assert_array_equal(again.log_prob, found.log_prob)


def test_paths_are_at_the_temperature(mixture: FittedMixture, synthetic: Panel) -> None:
    """The first probabilities of paths are those of the forecast of the first open record."""
    test = synthetic.subset("test")
    forecast = mixture.forecast(test.open(years=[2031])).only_open()
    probability = mixture.paths(test.open(years=[2031, 2032]), 3).probability()[:, 0].numpy()
    np.testing.assert_allclose(probability, np.exp(forecast.log_prob), atol=1e-6)


def test_pruned_scoring_has_no_bound_at_a_temperature(panel: Panel, base_folder: Path, tmp_path: Path) -> None:
    OffTheShelf(base=str(base_folder)).fit(panel).save(tmp_path / "language")
    mixture = Mixture((tmp_path / "language",), tempered=True).fit(panel)
    with pytest.raises(OptionError, match="pruned scoring has no bound"):
        mixture.forecast(panel.subset("test"), scoring=ScoringOptions("pruned", tolerance=0.3))
    raw = load(tmp_path / "language").forecast(panel.subset("test"))
    assert mixture.forecast(panel.subset("test")).raw_mass == pytest.approx(raw.raw_mass)
