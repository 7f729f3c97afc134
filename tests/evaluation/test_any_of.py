"""Events of several occupations: probability, outcome and domain by hand, areas and calibration by another way."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from laborllm.evaluation import evaluate
from laborllm.evaluation.metrics.any_of import being_and_entering
from laborllm.evaluation.metrics.auc import Auc
from laborllm.evaluation.metrics.kuiper import Kuiper
from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.forecast import Forecast
from laborllm.occupations import load_taxonomy
from laborllm.panel import Panel
from laborllm.panel.history import History
from laborllm.sources.synthetic import DRAWN_STATES, import_synthetic

OUT = ("unemployed", "not_in_labor_force")


@pytest.fixture(scope="module")
def panel() -> Panel:
    return import_synthetic(300, load_taxonomy("nlswork").with_states(DRAWN_STATES), seed=1)


@pytest.fixture(scope="module")
def forecast(panel: Panel) -> Forecast:
    return Transition().fit(panel).forecast(panel.subset("test"))


def test_areas_are_those_of_scikit_learn(panel: Panel, forecast: Forecast) -> None:
    columns = [panel.taxonomy.position[code] for code in OUT]
    being, entering = being_and_entering("out", "out", columns)
    found = evaluate({"m": forecast}, panel, metrics=[Auc(being), Auc(entering)], draws=40)
    test = panel.subset("test")
    history = History.of(test)
    probability = np.exp(forecast.log_prob[:, columns].astype(float)).sum(axis=1)
    happened = test.records["occupation"].is_in(OUT).to_numpy()
    assert found.row("m", "auc_out")["estimate"] == pytest.approx(roc_auc_score(happened, probability))
    before = test.records.select(pl.col("occupation").shift().over("worker")).to_series()
    outside = (~history.is_first) & ~before.is_in(OUT).fill_null(True).to_numpy()
    expected = roc_auc_score(happened[outside], probability[outside])
    assert found.row("m", "auc_entering_out")["estimate"] == pytest.approx(expected)


def test_calibration_holds_where_outcomes_are_drawn(panel: Panel, forecast: Forecast) -> None:
    """Under the oracle the p-value of Kuiper is refused at 10 % in about a tenth of the draws."""
    columns = [panel.taxonomy.position[code] for code in OUT]
    being, _ = being_and_entering("out", "out", columns)
    generator, refused = np.random.default_rng(0), 0
    cumulative = np.exp(forecast.log_prob.astype(float)).cumsum(axis=1)
    for _draw in range(60):
        drawn = (generator.random(len(cumulative))[:, None] > cumulative / cumulative[:, -1:]).sum(axis=1)
        codes = pl.Series("occupation", [panel.taxonomy.codes[at] for at in drawn])
        records = forecast.records.with_columns(codes)
        careers = panel.subset("test").with_records(panel.subset("test").records.with_columns(codes))
        same = Forecast(records, panel.taxonomy, forecast.log_prob, forecast.raw_mass, "drawn")
        found = evaluate({"m": same}, careers, metrics=[Kuiper(being, p_value=True)], draws=40)
        refused += (found.row("m", "kuiper_p_out")["estimate"] or 0.0) < 0.1
    assert 1 <= refused <= 14  # 6 expected; outside it has a chance of three in a thousand
