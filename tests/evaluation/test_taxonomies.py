"""Models and panels whose states differ: compared over what they share, against sums by hand."""

import numpy as np
import polars as pl
import pytest

from laborllm.errors import PanelError
from laborllm.evaluation import evaluate
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.models.contract import Fitted
from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.saved import SavedForecast
from laborllm.occupations import load_taxonomy
from laborllm.panel import Panel, coarsen, over
from laborllm.sources.synthetic import DRAWN_STATES, import_synthetic

COARSE = ("in_education", "not_working")


@pytest.fixture(scope="module")
def fine() -> Panel:
    return import_synthetic(300, load_taxonomy("nlswork").with_states(DRAWN_STATES), seed=2)


@pytest.fixture(scope="module")
def coarse(fine: Panel) -> Panel:
    return coarsen(fine, COARSE)


@pytest.fixture(scope="module")
def fine_model(fine: Panel) -> Fitted:
    return Transition().fit(fine)


@pytest.fixture(scope="module")
def coarse_model(coarse: Panel) -> Fitted:
    return Transition().fit(coarse)


@pytest.mark.parametrize("metrics", [None, ["raw_perplexity"]])
def test_finer_states_are_summed_before_models_are_compared(
    metrics: list[str] | None, fine: Panel, coarse: Panel, fine_model: Fitted, coarse_model: Fitted
) -> None:
    found = evaluate({"fine": fine_model, "coarse": coarse_model}, fine, metrics=metrics, draws=50)
    test = fine.subset("test")
    probability = np.exp(fine_model.forecast(test).log_prob.astype(np.float64))
    codes, position = test.records["occupation"].to_list(), fine.taxonomy.position
    idle = [position["unemployed"], position["not_in_labor_force"]]
    columns = [idle if code in ("unemployed", "not_in_labor_force") else [position[code]] for code in codes]
    summed = [probability[row, own].sum() for row, own in enumerate(columns)]
    expected = {
        "fine": np.exp(-np.log(summed).mean()),
        "coarse": np.exp(-coarse_model.log_likelihood(coarse.subset("test")).mean()),
    }
    rows = found.estimates.filter(pl.col("metric") == "raw_perplexity", pl.col("group") == "all")
    assert dict(rows.select("model", "estimate").iter_rows()) == pytest.approx(expected, rel=1e-5)
    assert found.about == {"fine": "forecasts over 16 occupations, expressed over the 15 that models and panel share"}


def test_forecasts_made_before_are_compared_too(fine: Panel, coarse: Panel, fine_model: Fitted) -> None:
    """A file of forecasts over finer states than those of the panel gives what the model gave."""
    made = fine_model.forecast(fine.subset("test"))
    found = evaluate({"made": made, "file": SavedForecast(made)}, coarse, metrics=["perplexity"], draws=50)
    estimates = found.estimates.filter(pl.col("group") == "all")["estimate"].to_list()
    again = evaluate({"model": fine_model, "made": made}, fine, metrics=["perplexity"], draws=50)
    assert estimates[0] == estimates[1]
    assert estimates[0] < again.estimates.filter(pl.col("group") == "all")["estimate"][0]


def test_states_that_the_panel_does_not_have_are_left_out(fine: Panel, fine_model: Fitted) -> None:
    records = fine.records.filter(~pl.col("occupation").is_in(DRAWN_STATES))
    jobs = Panel(records, fine.taxonomy.without_states, "RESUMES", fine.provenance)
    found = evaluate({"model": fine_model}, jobs, metrics=["perplexity", "raw_perplexity"], draws=50)
    test = over(jobs.subset("test"), fine.taxonomy)
    forecast = fine_model.forecast(test)
    kept = [fine.taxonomy.position[code] for code in jobs.taxonomy.codes]
    mass = np.exp(forecast.log_prob[:, kept].astype(np.float64)).sum(axis=1)
    raw = -forecast.log_likelihood
    rows = found.estimates.filter(pl.col("group") == "all").select("metric", "estimate")
    expected = {"perplexity": np.exp((raw + np.log(mass)).mean()), "raw_perplexity": np.exp(raw.mean())}
    assert dict(rows.iter_rows()) == pytest.approx(expected, rel=1e-5)


def test_a_simulation_is_over_the_occupations_of_the_model(fine: Panel, coarse_model: Fitted) -> None:
    opened = fine.subset("test").sample(5, seed=0)
    last = int(opened.records["year"].max())  # type: ignore[arg-type]
    found = simulate(coarse_model, opened, years=[last + 1], draws=20)
    assert found.taxonomy.states == COARSE
    np.testing.assert_allclose(found.probability.sum(axis=-1), 1, rtol=1e-5)


def test_a_finer_model_cannot_read_a_coarser_panel(coarse: Panel, fine_model: Fitted) -> None:
    with pytest.raises(PanelError, match=r"records of code not_working \(Not working\), which is not among the 16 of"):
        evaluate({"fine": fine_model}, coarse, draws=50)
