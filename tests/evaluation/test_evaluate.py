import json
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from evaluation.synthetic import TAXONOMY, careers, forecast, three_models
from laborllm.errors import InputError, OptionError
from laborllm.evaluation import Evaluation, Scores, evaluate
from laborllm.models.contract import Forecast
from laborllm.occupations import Taxonomy
from laborllm.panel.history import transition_kinds


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluate(three_models(), draws=200)


def estimate(table: pl.DataFrame, **keys: object) -> dict[str, Any]:
    """The single row of a table with these keys."""
    (row,) = table.filter(*[pl.col(name) == value for name, value in keys.items()]).to_dicts()
    return row


def scores_of(probabilities: list[list[float]], careers: list[str]) -> Scores:
    """One worker per string of codes a, b; each is given the same probabilities at each step."""
    taxonomy = Taxonomy.from_occupations("ab", [("a", "Actors", "All"), ("b", "Bakers", "All")])
    rows = [
        (f"{worker:03d}", 2000 + year, code)
        for worker, career in enumerate(careers)
        for year, code in enumerate(career)
    ]
    records = pl.DataFrame(rows, schema=["worker", "year", "occupation"], orient="row")
    with np.errstate(divide="ignore"):
        log_prob = np.log(np.array([probabilities[year - 2000] for year in records["year"]]))
    return Scores.of_forecast(Forecast(records, taxonomy, log_prob, np.ones(len(rows)), "by hand"))


def test_perplexity_by_hand() -> None:
    """Twelve workers: a, then a (stay) or b (move). First 1/2, stay 3/4, move 1/4."""
    found = evaluate({"m": scores_of([[0.5, 0.5], [0.75, 0.25]], ["aa"] * 12 + ["ab"] * 12)}, draws=40).perplexity
    by_kind = {kind: estimate(found, measure="normalised", kind=kind)["estimate"] for kind in found["kind"].unique()}
    expected = {"first": 2, "stay": 4 / 3, "move": 4, "all": (2**24 * (4 / 3) ** 12 * 4**12) ** (1 / 48)}
    assert by_kind == pytest.approx(expected)


def test_a_uniform_forecast_has_perplexity_j_without_uncertainty() -> None:
    records = careers(50)
    uniform = np.full((records.height, len(TAXONOMY)), -np.log(len(TAXONOMY)))
    scores = Scores.of_forecast(Forecast(records, TAXONOMY, uniform, np.ones(records.height), "uniform"))
    found = estimate(evaluate({"uniform": scores}, draws=40).perplexity, measure="normalised", kind="all")
    assert found["estimate"] == pytest.approx(len(TAXONOMY))
    assert found["standard_error"] == pytest.approx(0, abs=1e-9)


def test_raw_perplexity_pays_for_mass_outside_the_titles(evaluation: Evaluation) -> None:
    normalised = estimate(evaluation.perplexity, model="careless", measure="normalised", kind="all")
    raw = estimate(evaluation.perplexity, model="careless", measure="raw", kind="all")
    assert raw["estimate"] == pytest.approx(normalised["estimate"] / 0.8)
    valid = estimate(evaluation.validity, model="careless", kind="all")
    assert valid["raw_mass"] == pytest.approx(0.8)
    assert valid["greedy_valid"] == pytest.approx(0.9, abs=0.01)
    assert estimate(evaluation.validity, model="truth", kind="all")["greedy_valid"] is None


def test_counts_are_those_of_the_records(evaluation: Evaluation) -> None:
    records = careers(300)
    kinds = transition_kinds(records)
    for kind in ("first", "stay", "move"):
        row = estimate(evaluation.sample, kind=kind)
        assert row["records"] == int((kinds == kind).sum())
        assert row["workers"] == records.filter(kinds == kind)["worker"].n_unique()
    assert estimate(evaluation.sample, kind="all") == {"kind": "all", "records": records.height, "workers": 300}


def test_differences_and_ratios_follow_from_the_perplexities(evaluation: Evaluation) -> None:
    truth, careless = (
        estimate(evaluation.perplexity, model=model, measure="normalised", kind="move")["estimate"]
        for model in ("truth", "careless")
    )
    keys = {"model": "careless", "measure": "normalised", "kind": "move"}
    difference = estimate(evaluation.differences, comparison="difference", **keys)
    ratio = estimate(evaluation.differences, comparison="ratio", **keys)
    assert difference["estimate"] == pytest.approx(careless - truth)
    assert ratio["estimate"] == pytest.approx(careless / truth)
    assert difference["low"] < difference["estimate"] < difference["high"] < 0  # it moves more, so it is right of moves


def test_a_model_with_raw_numbers_alone_is_compared_on_them_alone(evaluation: Evaluation) -> None:
    own = evaluation.differences.filter(pl.col("model") == "raw only")
    assert set(own["measure"]) == {"raw"}
    other = evaluation.differences.filter(pl.col("model") == "careless", pl.col("measure") == "raw")
    assert own["estimate"].to_list() == pytest.approx(other["estimate"].to_list())
    assert evaluation.measure_of("raw only") == "raw"
    assert evaluation.ranking == ("truth", "careless", "raw only")
    assert set(evaluation.auc["model"]) == set(evaluation.accuracy["model"]) == {"truth", "careless"}


def test_the_interval_covers_the_truth_at_its_rate() -> None:
    """The expected loss of a known law, over 200 samples: a 95 % interval misses about 10, and 24 or more never."""
    missed = 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        tall = generator.random(80) < 0.5  # workers differ: clustered
        lengths = generator.integers(1, 6, size=80)
        worker = np.repeat([f"{each:02d}" for each in range(80)], lengths)
        year = np.concatenate([np.arange(length) for length in lengths])
        records = pl.DataFrame({"worker": worker, "year": year, "occupation": ["a"] * len(worker)})
        likelihood = np.repeat(np.where(tall, 0.2, 0.8), lengths)
        row = estimate(
            evaluate({"m": Scores.of_log_likelihood(records, np.log(likelihood))}, draws=200).perplexity, kind="all"
        )
        missed += not row["low"] <= 1 / np.sqrt(0.2 * 0.8) <= row["high"]
    assert 1 <= missed < 24


def test_small_cells_are_withheld() -> None:
    found = evaluate({"m": scores_of([[0.5, 0.5], [0.75, 0.25]], ["aa"] * 12 + ["ab"] * 9)}, draws=40)
    move = estimate(found.perplexity, measure="normalised", kind="move")
    assert move["note"] == "fewer than 10 workers"
    assert [move[name] for name in ("records", "workers", "estimate", "standard_error", "low", "high")] == [None] * 6
    assert estimate(found.sample, kind="move")["workers"] is None
    assert estimate(found.validity, kind="move")["raw_mass"] is None
    assert estimate(found.accuracy, top=1, kind="move")["estimate"] is None
    assert estimate(found.auc)["note"] == "fewer than 10 workers"
    assert estimate(found.perplexity, measure="normalised", kind="stay")["estimate"] == pytest.approx(4 / 3)


def test_probability_zero_is_infinite_perplexity_and_null_in_json() -> None:
    found = evaluate({"m": scores_of([[1 - 1e-300, 0], [0.75, 0.25]], ["aa"] * 12 + ["bb"] * 12)}, draws=40)
    first = estimate(found.perplexity, measure="normalised", kind="first")
    assert first["estimate"] == np.inf
    assert first["low"] is None
    assert first["note"] == "an observed record has probability zero"
    stored = json.loads(found.to_json())
    assert [row["estimate"] for row in stored["perplexity"] if row["kind"] == "first"] == [None, None]


def test_json_holds_every_number(evaluation: Evaluation) -> None:
    stored = json.loads(evaluation.to_json())
    assert stored["reference"] == "truth"
    assert stored["perplexity"] == evaluation.perplexity.to_dicts()
    assert stored["calibration"] == evaluation.calibration.to_dicts()


def test_a_seed_repeats(evaluation: Evaluation) -> None:
    assert evaluate(three_models(), draws=200).to_json() == evaluation.to_json()
    assert evaluate(three_models(), draws=200, seed=1).to_json() != evaluation.to_json()


def test_careers_of_one_record_have_no_past() -> None:
    found = evaluate({"m": scores_of([[0.5, 0.5]], ["a"] * 20)}, draws=40)
    assert estimate(found.auc)["estimate"] is None
    assert set(found.calibration["event"]) == {"likeliest occupation"}


RECORDS = pl.DataFrame({"worker": ["a", "a", "b"], "year": [1, 2, 1], "occupation": ["x", "y", "x"]})
LOGS = np.log([0.5, 0.5, 0.5])


def raw(records: pl.DataFrame = RECORDS, logs: np.ndarray = LOGS) -> Scores:
    return Scores.of_log_likelihood(records, logs)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (dict, "there are no models to evaluate"),
        (lambda: {"a": raw(), "b": raw(RECORDS[:2], LOGS[:2])}, "'b' has 2 records and 'a' has 3"),
        (
            lambda: {"a": raw(), "b": raw(RECORDS.with_columns(occupation=pl.Series(["x", "y", "y"])))},
            "the occupation of 'b' and 'a' differs, first in row 3",
        ),
        (lambda: {"a": raw(logs=LOGS[:2])}, r"shape \(2,\) for 3 records"),
        (lambda: {"a": raw(logs=np.array([-1, np.nan, -1]))}, "holds nan in row 2"),
        (lambda: {"a": raw(logs=np.array([-1, -1, 0.5]))}, "holds 0.5 in row 3"),
        (lambda: {"a": raw(RECORDS[[1, 0, 2]])}, "not sorted"),
        (lambda: {"a": raw(RECORDS[[0, 2, 1]])}, "not sorted"),
        (lambda: {"a": raw(RECORDS[:0], LOGS[:0])}, "no records"),
    ],
)
def test_bad_input_is_refused_in_one_line(build: Callable[[], dict[str, Scores]], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        evaluate(build(), draws=40)
    assert "\n" not in str(caught.value)


def test_an_unknown_reference_is_refused() -> None:
    with pytest.raises(OptionError, match="the reference 'z' is not among the models: use a"):
        evaluate({"a": raw()}, reference="z")


def test_forecasts_over_other_codes_are_refused() -> None:
    one = forecast(careers(20), 0.7)
    reversed_codes = Taxonomy.from_occupations(
        "reversed", list(zip(TAXONOMY.codes[::-1], TAXONOMY.titles[::-1], TAXONOMY.groups[::-1], strict=True))
    )
    other = Forecast(one.records, reversed_codes, one.log_prob[:, ::-1], one.raw_mass, "reversed")
    with pytest.raises(InputError, match="'b' forecasts over other codes"):
        evaluate({"a": Scores.of_forecast(one), "b": Scores.of_forecast(other)})
