"""Every number of an evaluation against a second evaluator, written record by record or with other libraries."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from sklearn.metrics import log_loss, roc_auc_score, top_k_accuracy_score

from evaluation.synthetic import TAXONOMY, careers, forecast
from laborllm.evaluation import Evaluation, evaluate
from laborllm.evaluation.arrays import Bools, Indices, Numbers
from laborllm.models.forecasts.forecast import Forecast
from laborllm.panel import Panel
from laborllm.privacy import SMALLEST_CELL

RAW_MASS = 0.8
Row = dict[str, Any]


@pytest.fixture(scope="module")
def panel() -> Panel:
    return careers(260, seed=11)


@pytest.fixture(scope="module")
def model(panel: Panel) -> Forecast:
    return forecast(panel, 0.45, raw_mass=RAW_MASS, greedy=True)


@pytest.fixture(scope="module", params=["none", "sampling"])
def evaluation(request: pytest.FixtureRequest, panel: Panel, model: Forecast) -> Evaluation:
    return evaluate({"m": model}, panel, by=["gender", "transition", "region*gender"], weights=request.param, draws=40)


@pytest.fixture(scope="module")
def rows(panel: Panel) -> list[Row]:
    """The records as dictionaries, each with what a walk along the career says of it."""
    found: list[Row] = []
    for at, row in enumerate(panel.records.rows(named=True)):
        before = found[-1] if found and found[-1]["worker"] == row["worker"] else None
        column = TAXONOMY.codes.index(row["occupation"])
        kind = "first" if before is None else "stay" if before["column"] == column else "move"
        previous = None if before is None else before["column"]
        found.append(row | {"at": at, "column": column, "previous": previous, "transition": kind})
    return found


def cells(rows: list[Row]) -> dict[tuple[str, str], list[int]]:
    """Places of the records of each level of each group."""
    found: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        region = "unknown" if row["region"] is None else str(row["region"])
        for key in (
            ("all", "all"),
            ("gender", str(row["gender"])),
            ("transition", str(row["transition"])),
            ("region*gender", f"{region}, {row['gender']}"),
        ):
            found.setdefault(key, []).append(int(row["at"]))
    return found


def shown(evaluation: Evaluation, rows: list[Row], metric: str) -> Iterator[tuple[list[int], float]]:
    """The records of each cell, and the number that is shown of it; all that is withheld left out."""
    for (group, level), places in cells(rows).items():
        estimate = evaluation.row("m", metric, group, level)["estimate"]
        if estimate is not None:
            yield places, estimate


def weights(evaluation: Evaluation, panel: Panel) -> Numbers:
    return panel.records["weight"].to_numpy() if evaluation.weights == "sampling" else np.ones(len(panel))


def of_records(metric: str, rows: list[Row], model: Forecast) -> list[float]:
    """A score of each record, one after the other."""
    probability = np.exp(model.log_prob.astype(np.float64))
    scores: dict[str, Callable[[Row, Numbers], Any]] = {
        "log_score": lambda row, p: -np.log(p[row["column"]]),
        "brier": lambda row, p: sum((q - (k == row["column"])) ** 2 for k, q in enumerate(p)),
        "raw_mass": lambda row, p: RAW_MASS,
        "greedy_valid": lambda row, p: float(row["at"] % 10 > 0),
        "top_1": lambda row, p: _in_top(p, row["column"], 1),
        "top_5": lambda row, p: _in_top(p, row["column"], 5),
    }
    return [float(scores[metric](row, p)) for row, p in zip(rows, probability, strict=True)]


def _in_top(probability: Numbers, column: int, top: int) -> float:
    before = sum(p > probability[column] for p in probability)
    tied = sum(p == probability[column] for p in probability)
    return float(min(max((top - before) / tied, 0), 1))


@pytest.mark.parametrize("metric", ["log_score", "brier", "raw_mass", "greedy_valid", "top_1", "top_5"])
def test_means_are_those_of_a_loop(
    metric: str, evaluation: Evaluation, panel: Panel, model: Forecast, rows: list[Row]
) -> None:
    scores, weight = np.array(of_records(metric, rows, model)), weights(evaluation, panel)
    found = list(shown(evaluation, rows, metric))
    assert len(found) >= 6
    for places, estimate in found:
        assert estimate == pytest.approx(np.average(scores[places], weights=weight[places]), rel=1e-5)


def test_perplexities_are_exponentials_of_the_log_loss_of_scikit_learn(
    evaluation: Evaluation, panel: Panel, model: Forecast, rows: list[Row]
) -> None:
    columns, weight = np.array([row["column"] for row in rows]), weights(evaluation, panel)
    probability = np.exp(model.log_prob.astype(np.float64))
    probability /= probability.sum(axis=1, keepdims=True)
    for places, estimate in shown(evaluation, rows, "perplexity"):
        loss = log_loss(columns[places], probability[places], sample_weight=weight[places], labels=range(len(TAXONOMY)))
        assert estimate == pytest.approx(np.exp(loss), rel=1e-5)
    for places, estimate in shown(evaluation, rows, "raw_perplexity"):
        loss = log_loss(columns[places], probability[places], sample_weight=weight[places], labels=range(len(TAXONOMY)))
        assert estimate == pytest.approx(np.exp(loss) / RAW_MASS, rel=1e-5)


def test_top_k_is_that_of_scikit_learn_where_nothing_ties(panel: Panel) -> None:
    generator = np.random.default_rng(5)
    log_prob = np.log(generator.dirichlet(np.ones(len(TAXONOMY)), size=len(panel))).astype(np.float32)
    records = panel.records.select("worker", "year", "occupation")
    untied = Forecast(records, TAXONOMY, log_prob, np.ones(len(panel)), "drawn")
    found = evaluate({"m": untied}, panel, metrics=["top_1", "top_5"], draws=40)
    for top in (1, 5):
        expected = top_k_accuracy_score(untied.observed, log_prob, k=top, labels=range(len(TAXONOMY)))
        assert found.row("m", f"top_{top}")["estimate"] == pytest.approx(expected)


def change(rows: list[Row], model: Forecast) -> tuple[Bools, Numbers, Numbers]:
    """Where a change can happen, the probability given to it, and whether it did."""
    can = np.array([row["previous"] is not None for row in rows])
    probability = np.exp(model.log_prob.astype(np.float64))
    gone = [1 - probability[row["at"], row["previous"] or 0] for row in rows]
    return can, np.array(gone), np.array([row["column"] != row["previous"] for row in rows], dtype=float)


def sides(places: Indices, happened: Numbers, rows: list[Row]) -> list[int]:
    """Workers with the event, and workers without it."""
    return [len({rows[at]["worker"] for at in places if happened[at] == side}) for side in (0, 1)]


def test_the_area_of_a_change_is_that_of_scikit_learn_wherever_it_may_be_shown(
    evaluation: Evaluation, panel: Panel, model: Forecast, rows: list[Row]
) -> None:
    (can, probability, happened), weight = change(rows, model), weights(evaluation, panel)
    measured = 0
    for places, estimate in shown(evaluation, rows, "auc_change"):
        inside = np.array([at for at in places if can[at]], dtype=np.intp)
        assert min(sides(inside, happened, rows)) >= SMALLEST_CELL
        rounded = probability[inside].round(6)  # single precision has other ties
        expected = roc_auc_score(happened[inside], rounded, sample_weight=weight[inside])
        assert estimate == pytest.approx(expected, abs=1e-4)
        measured += 1
    assert measured >= 4


@pytest.mark.parametrize("event", ["change", "top_1"])
def test_the_calibration_line_is_that_of_a_weighted_regression_of_statsmodels(
    event: str, evaluation: Evaluation, panel: Panel, model: Forecast, rows: list[Row]
) -> None:
    weight = weights(evaluation, panel)
    can, probability, happened = change(rows, model) if event == "change" else _right(rows, model)
    for places, estimate in shown(evaluation, rows, f"calibration_slope_{event}"):
        inside = np.array([at for at in places if can[at]], dtype=np.intp)
        log_odds = np.log(probability[inside]) - np.log1p(-probability[inside])
        options = {"family": sm.families.Binomial(), "freq_weights": weight[inside]}
        line = sm.GLM(happened[inside], sm.add_constant(log_odds), **options).fit()
        assert estimate == pytest.approx(line.params[1], rel=1e-3, abs=1e-4)
    for places, estimate in shown(evaluation, rows, f"calibration_intercept_{event}"):
        inside = np.array([at for at in places if can[at]], dtype=np.intp)
        log_odds = np.log(probability[inside]) - np.log1p(-probability[inside])
        options = {"family": sm.families.Binomial(), "freq_weights": weight[inside], "offset": log_odds}
        level = sm.GLM(happened[inside], np.ones(len(inside)), **options).fit()
        assert estimate == pytest.approx(level.params[0], rel=1e-3, abs=1e-4)


def _right(rows: list[Row], model: Forecast) -> tuple[Bools, Numbers, Numbers]:
    """That the most probable occupation is right; only where one of them is the most probable."""
    return (
        np.ones(len(rows), dtype=bool),
        np.exp(model.log_prob.max(axis=1).astype(float)),
        np.array(of_records("top_1", rows, model)),
    )


def test_the_cumulative_range_is_that_of_a_walk(
    evaluation: Evaluation, panel: Panel, model: Forecast, rows: list[Row]
) -> None:
    (can, probability, happened), weight = change(rows, model), weights(evaluation, panel)
    probability = probability.astype(np.float64)
    for places, estimate in shown(evaluation, rows, "kuiper_change"):
        inside = [at for at in places if can[at]]
        total, levels = sum(weight[at] for at in inside), sorted({round(probability[at], 6) for at in inside})
        position, lowest, highest = 0.0, 0.0, 0.0
        for level in levels:
            tied = [at for at in inside if round(probability[at], 6) == level]
            position += sum(weight[at] * (happened[at] - probability[at]) for at in tied) / total
            lowest, highest = min(lowest, position), max(highest, position)
        assert estimate == pytest.approx(highest - lowest, abs=1e-5)


def test_flows_are_counted_one_by_one(evaluation: Evaluation, panel: Panel, model: Forecast, rows: list[Row]) -> None:
    weight = weights(evaluation, panel)
    scaled, group = weight / weight.mean(), TAXONOMY.groups
    probability = np.exp(model.log_prob.astype(np.float64))
    later = [row for row in rows if row["previous"] is not None]
    for flow in evaluation.flows.rows(named=True):
        leaving = [row for row in later if group[row["previous"]] == flow["origin"]]
        columns = [column for column, name in enumerate(group) if name == flow["destination"]]
        expected = sum(scaled[row["at"]] * probability[row["at"], columns].sum() for row in leaving)
        assert flow["expected"] == pytest.approx(expected, rel=1e-4)
        if flow["observed"] is not None:
            arrived = [row for row in leaving if row["column"] in columns]
            assert flow["observed"] == pytest.approx(sum(scaled[row["at"]] for row in arrived), rel=1e-6)
            assert flow["workers"] == len({row["worker"] for row in arrived})


def test_counts_are_those_of_the_cells(evaluation: Evaluation, rows: list[Row]) -> None:
    for (group, level), places in cells(rows).items():
        row = evaluation.row("m", "brier", group, level)
        workers = len({rows[at]["worker"] for at in places})
        if row["records"] is None:
            assert group != "all"
        else:
            assert (row["records"], row["workers"]) == (len(places), workers)
            assert workers >= SMALLEST_CELL
    assert isinstance(evaluation.estimates, pl.DataFrame)
