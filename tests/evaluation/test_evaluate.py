"""One tidy table of several models, by groups of records, with what is small withheld."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from evaluation.synthetic import TAXONOMY, careers, forecast, panel_of, two_models
from laborllm.errors import InputError, LaborLLMError, OptionError, PanelError
from laborllm.evaluation import Evaluation, evaluate
from laborllm.evaluation.metrics.mean import Mean
from laborllm.evaluation.metrics.perplexity import Loss
from laborllm.evaluation.tables import ESTIMATES
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.panel.history import History

AB = Taxonomy.from_occupations("ab", [("a", "Actors", "All"), ("b", "Bakers", "All")])


@pytest.fixture(scope="module")
def panel() -> Panel:
    return careers(300)


@pytest.fixture(scope="module")
def evaluation(panel: Panel) -> Evaluation:
    return evaluate(two_models(panel), panel, by=["transition", "gender*education", "history", "region"], draws=200)


def panel_ab(careers: list[str]) -> Panel:
    """One worker per string of codes a, b."""
    rows = [
        (f"{worker:03d}", 2000 + year, code)
        for worker, career in enumerate(careers)
        for year, code in enumerate(career)
    ]
    return panel_of(pl.DataFrame(rows, schema=["worker", "year", "occupation"], orient="row"), taxonomy=AB)


def forecast_ab(panel: Panel, probabilities: list[list[float]]) -> Forecast:
    """The same probabilities for every worker at each step."""
    with np.errstate(divide="ignore"):
        log_prob = np.log(np.array([probabilities[year - 2000] for year in panel.records["year"]]))
    records = panel.records.select("worker", "year", "occupation")
    return Forecast(records, AB, log_prob, np.ones(len(panel)), "by hand")


@dataclass
class Constant:
    """Gives every record the same distribution, and remembers what it was asked."""

    probability: tuple[float, ...]
    asked: list[tuple[str, Panel]] = field(default_factory=list)

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        self.asked.append(("forecast", panel))
        log_prob = np.log(np.tile(self.probability, (len(panel), 1))).astype(np.float32)
        records = panel.records.select("worker", "year", "occupation")
        return Forecast(records, panel.taxonomy, log_prob, np.ones(len(panel)), "constant")

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        self.asked.append(("log_likelihood", panel))
        return np.asarray(np.log(np.array(self.probability)[panel.taxonomy.columns(panel.records["occupation"])]))


def test_perplexity_by_hand() -> None:
    """Twelve workers: a, then a (stay) or b (move). First 1/2, stay 3/4, move 1/4."""
    panel = panel_ab(["aa"] * 12 + ["ab"] * 12)
    found = evaluate({"m": forecast_ab(panel, [[0.5, 0.5], [0.75, 0.25]])}, panel, by=["transition"], draws=40)
    kinds = {kind: found.row("m", "perplexity", "transition", kind)["estimate"] for kind in ("first", "stay", "move")}
    assert kinds == pytest.approx({"first": 2, "stay": 4 / 3, "move": 4})
    overall = (2**24 * (4 / 3) ** 12 * 4**12) ** (1 / 48)
    assert found.row("m", "perplexity")["estimate"] == pytest.approx(overall)
    assert found.row("m", "log_score")["estimate"] == pytest.approx(np.log(overall))


def test_a_weighted_estimate_by_hand(panel: Panel) -> None:
    found = evaluate(two_models(panel), panel, by=["gender"], weights="sampling", draws=40)
    weight, female = panel.records["weight"].to_numpy(), (panel.records["gender"] == "female").to_numpy()
    loss = -forecast(panel, 0.7).log_likelihood
    expected = np.exp(np.average(loss[female], weights=weight[female]))
    assert found.row("oracle", "perplexity", "gender", "female")["estimate"] == pytest.approx(expected)


def test_the_table_has_a_row_per_model_metric_and_cell(evaluation: Evaluation, panel: Panel) -> None:
    frame = evaluation.estimates
    assert frame.schema == ESTIMATES
    assert frame.select("model", "metric", "group", "level").is_unique().all()
    assert set(frame["group"]) == {"all", "transition", "gender*education", "history", "region"}
    of_region = frame.filter(model="oracle", metric="perplexity", group="region")
    counts = (
        panel.records.with_columns(pl.col("region").fill_null("unknown"))
        .group_by("region")
        .agg(pl.len().alias("records"), pl.col("worker").n_unique().alias("workers"))
    )
    assert of_region.select("level", "records", "workers").sort("level").rows() == counts.sort("region").rows()
    pooled = np.average(np.log(of_region["estimate"]), weights=of_region["records"])
    assert evaluation.row("oracle", "log_score")["estimate"] == pytest.approx(pooled)


def test_levels_are_those_of_the_history(evaluation: Evaluation, panel: Panel) -> None:
    seen = History.of(panel).position
    rows = evaluation.estimates.filter(model="oracle", metric="brier", group="history")
    assert rows["level"].to_list() == ["0", "1", "2", "3 to 5", "6 to 10"]
    assert rows["records"].to_list() == [(seen == 0).sum(), (seen == 1).sum(), (seen == 2).sum()] + [
        ((low <= seen) & (seen <= high)).sum() for low, high in ((3, 5), (6, 10))
    ]


def test_a_uniform_forecast_has_perplexity_j_without_uncertainty(panel: Panel) -> None:
    uniform = np.full((len(panel), len(TAXONOMY)), -np.log(len(TAXONOMY)))
    records = panel.records.select("worker", "year", "occupation")
    model = Forecast(records, TAXONOMY, uniform, np.ones(len(panel)), "uniform")
    found = evaluate({"uniform": model}, panel, draws=40).row("uniform", "perplexity")
    assert found["estimate"] == pytest.approx(len(TAXONOMY))
    assert found["standard_error"] == pytest.approx(0, abs=1e-9)


def test_comparisons_follow_from_the_estimates(evaluation: Evaluation) -> None:
    keys = ("perplexity", "transition", "move")
    oracle, careless = (evaluation.row(model, *keys)["estimate"] for model in ("oracle", "careless"))
    assert oracle is not None
    assert careless is not None
    difference = evaluation.compared("careless", "oracle", comparison="difference", group="transition", level="move")
    ratio = evaluation.compared("careless", "oracle", group="transition", level="move")
    assert difference["estimate"] == pytest.approx(careless - oracle)
    assert ratio["estimate"] == pytest.approx(careless / oracle)
    assert difference["high"] < 0  # type: ignore[operator]  # it moves more, so it is right of moves


def test_any_pairs_are_compared(panel: Panel) -> None:
    models = {name: forecast(panel, stay) for name, stay in (("a", 0.7), ("b", 0.5), ("c", 0.3))}
    options = {"metrics": ["perplexity"], "draws": 40}
    every = evaluate(models, panel, pairs="all", **options)  # type: ignore[arg-type]
    assert set(every.comparisons.select("model", "reference").iter_rows()) == {("b", "a"), ("c", "a"), ("c", "b")}
    one = evaluate(models, panel, pairs=[("c", "b")], **options)  # type: ignore[arg-type]
    assert one.compared("c", "b") == every.compared("c", "b")
    assert one.comparisons.height == 2


def test_a_metric_of_ones_own_takes_part(panel: Panel) -> None:
    bits = Mean("bits", "loss in bits", InBits())
    found = evaluate({"m": forecast(panel, 0.7)}, panel, metrics=[bits, "log_score"], draws=40)
    assert found.row("m", "bits")["estimate"] == pytest.approx(found.row("m", "log_score")["estimate"] / np.log(2))


@dataclass(frozen=True)
class InBits(Loss):
    def __call__(self, portion: object) -> Floats | None:
        nats = super().__call__(portion)  # type: ignore[arg-type]
        return None if nats is None else nats / np.log(2)


def test_only_the_observed_occupation_is_scored_where_that_is_enough(panel: Panel) -> None:
    model = Constant(tuple([0.1] * 10))
    found = evaluate({"m": model}, panel, metrics=["raw_perplexity"], draws=40)
    assert {name for name, _ in model.asked} == {"log_likelihood"}
    assert found.row("m", "raw_perplexity")["estimate"] == pytest.approx(10)
    assert found.ranking == ("m",)
    assert found.flows.is_empty()


def test_portions_do_not_change_the_numbers(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = evaluate(two_models(panel), panel, by=["transition"], draws=40)
    monkeypatch.setattr("laborllm.evaluation.scores.portions.RECORDS", 70)
    parts = evaluate(two_models(panel), panel, by=["transition"], draws=40)
    for name in ("estimates", "comparisons", "flows", "reliability"):
        assert_frame_equal(getattr(parts, name), getattr(whole, name), rel_tol=1e-9)


def test_no_more_is_forecast_at_once_than_a_portion(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that memory does not grow with records times occupations."""
    monkeypatch.setattr("laborllm.evaluation.scores.portions.RECORDS", 100)
    model = Constant(tuple([0.1] * 10))
    evaluate({"m": model}, panel, draws=40)
    sizes = [len(asked) for _, asked in model.asked]
    assert max(sizes) <= 100 + 9  # a career more, and the longest has nine records
    assert sum(sizes) == len(panel)


def test_flows_add_up(evaluation: Evaluation, panel: Panel) -> None:
    """Expected flows of an origin add up to its records, and observed ones are counted from the careers."""
    history = History.of(panel)
    groups = np.array([*TAXONOMY.groups, ""])
    origin, destination = groups[history.previous], groups[history.occupation]
    flows = evaluation.flows.filter(model="oracle")
    for name in set(flows["origin"]):
        assert flows.filter(origin=name)["expected"].sum() == pytest.approx((origin == name).sum(), rel=1e-5)
    shown = flows.filter(pl.col("observed").is_not_null())
    assert shown.height > 2
    for row in shown.iter_rows(named=True):
        members = (origin == row["origin"]) & (destination == row["destination"])
        assert row["observed"] == members.sum()
        assert row["workers"] == panel.records.filter(members)["worker"].n_unique()


def test_open_records_are_left_out_and_counted(panel: Panel) -> None:
    model, opened = Constant(tuple([0.1] * 10)), panel.open(years=[2050])
    found = evaluate({"m": model}, opened, draws=40)
    assert found.open_records == panel.workers
    assert found.row("m", "perplexity")["records"] == len(panel)


def test_small_cells_and_what_gives_them_away_are_withheld() -> None:
    panel = panel_ab(["aa"] * 12 + ["ab"] * 9)
    found = evaluate({"m": forecast_ab(panel, [[0.5, 0.5], [0.75, 0.25]])}, panel, by=["transition"], draws=40)
    move, stay = (found.row("m", "perplexity", "transition", kind) for kind in ("move", "stay"))
    for row in (move, stay):  # all minus first minus stay is move
        assert str(row["note"]).startswith("fewer than 10 workers")
        names = ("records", "workers", "estimate", "standard_error", "low", "high")
        assert [row[name] for name in names] == [None] * 6
    assert found.row("m", "perplexity", "transition", "first")["estimate"] == pytest.approx(2)
    assert str(found.row("m", "auc_change")["note"]) == "fewer than 10 workers with the event, or without it"


def test_a_curve_does_not_tell_how_often_a_withheld_event_happened() -> None:
    """The shares of its bins, each times its records, add up to the number of moves."""
    panel = panel_ab(["aa"] * 30 + ["ab"] * 4)
    found = evaluate({"m": forecast_ab(panel, [[0.5, 0.5], [0.75, 0.25]])}, panel, by=["transition"], draws=40)
    assert found.reliability.filter(event="change").is_empty()
    assert found.row("m", "kuiper_change")["estimate"] is None


def test_no_attack_on_the_tables_recovers_a_withheld_cell() -> None:
    """What an attacker can solve for: sums of losses over withheld cells, from those published with their counts."""
    for seed in range(8):
        panel = careers(45, seed=seed, longest=4)
        found = evaluate(two_models(panel), panel, by=["transition", "gender*education", "region", "gender"], draws=40)
        rows = found.estimates.filter(model="oracle", metric="log_score")
        masks = {("all", "all"): np.ones(len(panel), dtype=bool)}
        kinds = History.of(panel).kind
        columns = {
            "transition": kinds,
            "region": panel.records["region"].fill_null("unknown"),
            "gender": panel.records["gender"],
            "gender*education": panel.records["gender"] + ", " + panel.records["education"],
        }
        for name, levels in columns.items():
            masks |= {(name, level): (levels == level).to_numpy() for level in levels.unique()}
        shown = [masks[row["group"], row["level"]] for row in rows.iter_rows(named=True) if row["records"] is not None]
        known = np.array(shown, dtype=float).reshape(-1, len(panel))
        rank = np.linalg.matrix_rank(known) if len(known) else 0
        for row in rows.filter(pl.col("records").is_null()).iter_rows(named=True):
            mask = masks[row["group"], row["level"]].astype(float)
            assert np.linalg.matrix_rank(np.vstack([known, mask])) == rank + 1


def test_probability_zero_is_infinite_perplexity_and_null_in_json() -> None:
    panel = panel_ab(["aa"] * 12 + ["bb"] * 12)
    found = evaluate({"m": forecast_ab(panel, [[1 - 1e-300, 0], [0.75, 0.25]])}, panel, by=["transition"], draws=40)
    first = found.row("m", "perplexity", "transition", "first")
    assert (first["estimate"], first["low"]) == (np.inf, None)
    assert str(first["note"]) == "an observed record has probability zero"
    stored = json.loads(found.to_json())["estimates"]
    assert [row["estimate"] for row in stored if row["level"] == "first" and row["metric"] == "perplexity"] == [None]


def test_json_holds_every_number(evaluation: Evaluation) -> None:
    stored = json.loads(evaluation.to_json())
    assert (stored["reference"], stored["weights"], stored["cluster"]) == ("oracle", "none", "worker")
    assert stored["estimates"] == evaluation.estimates.to_dicts()
    assert stored["flows"] == evaluation.flows.to_dicts()


def test_a_seed_repeats(panel: Panel, evaluation: Evaluation) -> None:
    by = ["transition", "gender*education", "history", "region"]
    assert evaluate(two_models(panel), panel, by=by, draws=200).to_json() == evaluation.to_json()
    assert evaluate(two_models(panel), panel, by=by, draws=200, seed=1).to_json() != evaluation.to_json()


def test_careers_of_one_record_have_no_past() -> None:
    panel = panel_ab(["a"] * 20 + ["b"] * 20)
    found = evaluate({"m": forecast_ab(panel, [[0.6, 0.4]])}, panel, by=["transition"], draws=40)
    assert found.row("m", "auc_change")["estimate"] is None
    assert set(found.reliability["event"]) == {"top_1"}


def test_a_sample_of_workers_is_the_same_for_all_models(panel: Panel) -> None:
    one, two = Constant(tuple([0.1] * 10)), Constant(tuple([0.1] * 10))
    evaluate({"one": one, "two": two}, panel, workers=12, draws=40, seed=3)
    expected = panel.subset("test").sample(12, seed=3).fingerprint
    assert one.asked[0][1].fingerprint == two.asked[0][1].fingerprint == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reference": "z"}, "the reference 'z' is not among the models: use m"),
        ({"pairs": [("m", "z")]}, "the reference 'z' is not among the models: use m"),
        ({"draws": 39}, "39 bootstrap draws"),
        ({"split": "valid"}, "no worker of the panel is in split valid"),
        ({"workers": 0}, "cannot draw 0 workers"),
        ({"by": ["gendr"]}, "unknown group 'gendr': use transition, history, decade, origin, destination, year"),
        ({"by": ["gender", "gender"]}, "a group is named twice"),
        ({"by": ["worker"]}, "unknown group 'worker'"),
        ({"metrics": ["ppl"]}, "unknown metric 'ppl': use perplexity"),
        ({"metrics": []}, "unknown metric"),
        ({"weights": "gender"}, "does not hold numbers"),
        ({"weights": "income"}, "the panel has no column 'income' for weights"),
        ({"cluster": "household"}, "the panel has no column 'household'"),
        ({"cluster": "year"}, "the column 'year' differs between records of"),
    ],
)
def test_what_cannot_be_done_is_found_before_any_scoring(
    panel: Panel, options: dict[str, object], message: str
) -> None:
    model = Constant(tuple([0.1] * 10))
    with pytest.raises(LaborLLMError, match=message) as caught:
        evaluate({"m": model}, panel, **options)  # type: ignore[arg-type]
    assert isinstance(caught.value, (OptionError, PanelError))
    assert "\n" not in str(caught.value)
    assert model.asked == []


def test_no_model_is_refused(panel: Panel) -> None:
    with pytest.raises(OptionError, match="there are no models to evaluate"):
        evaluate({}, panel)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (lambda: pl.lit(0.0), "is zero in every record"),
        (lambda: pl.when(pl.col("year") > 2000).then(1.0), "the weight 'weight' is missing in 300 of"),
    ],
)
def test_weights_that_define_no_mean_are_refused(panel: Panel, weight: Callable[[], pl.Expr], message: str) -> None:
    given = Panel(panel.records.with_columns(weight=weight()), TAXONOMY, "p", Provenance("p"), "sampling")
    with pytest.raises(OptionError, match=message):
        evaluate({"m": Constant(tuple([0.1] * 10))}, given, weights="sampling", draws=40)
    plain = Panel(panel.records, TAXONOMY, "p", Provenance("p"))
    with pytest.raises(OptionError, match="the weights of the panel are of kind none"):
        evaluate({"m": Constant(tuple([0.1] * 10))}, plain, weights="sampling", draws=40)


def test_forecasts_of_other_records_are_refused(panel: Panel) -> None:
    @dataclass
    class Wrong(Constant):
        def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
            found = super().forecast(panel)
            return Forecast(found.records[::-1], TAXONOMY, found.log_prob, found.raw_mass, "reversed")

        def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
            return np.full(len(panel), 0.5)

    with pytest.raises(InputError, match="'m' forecasts other records"):
        evaluate({"m": Wrong(tuple([0.1] * 10))}, panel, draws=40)
    with pytest.raises(InputError, match=r"'m' gives 0\.5 for observed record 1: a log-probability is at most zero"):
        evaluate({"m": Wrong(tuple([0.1] * 10))}, panel, metrics=["raw_perplexity"], draws=40)


def test_a_value_that_is_no_log_probability_is_named_by_its_place_in_the_panel(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("laborllm.evaluation.scores.portions.RECORDS", 50)
    worker, year = panel.records.select("worker", "year").row(399)

    @dataclass
    class OneMissing(Constant):
        def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
            is_missing = (pl.col("worker") == worker) & (pl.col("year") == year)
            return panel.records.select(pl.when(is_missing).then(np.nan).otherwise(-1.0)).to_series().to_numpy()

    with pytest.raises(InputError, match="'m' gives nan for observed record 400: a log-probability is at most zero"):
        evaluate({"m": OneMissing(tuple([0.1] * 10))}, panel, metrics=["raw_perplexity"], draws=40)


def test_the_interval_covers_at_its_rate() -> None:
    """The expected loss of a known process, over 200 samples: a 95 % interval misses about 10, and 24 or more never."""
    missed = 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        lengths = generator.integers(1, 6, size=80)
        tall = np.repeat(generator.random(80) < 0.5, lengths)  # workers differ: clustered
        panel = panel_ab(["a" * length for length in lengths])
        found = evaluate({"m": Given(np.log(np.where(tall, 0.2, 0.8)))}, panel, metrics=["raw_perplexity"], draws=200)
        row = found.row("m", "raw_perplexity")
        missed += not row["low"] <= 1 / np.sqrt(0.2 * 0.8) <= row["high"]
    assert 1 <= missed < 24


@dataclass
class Given:
    """Log-likelihoods made elsewhere."""

    values: Floats

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        return self.values

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        raise NotImplementedError


def test_an_evaluation_says_what_it_is_in_one_line() -> None:
    """Without how many records of few workers there are."""
    panel = careers(60, seed=1)
    models = {"one": forecast(panel, 0.4), "two": forecast(panel, 0.6)}
    found = evaluate(models, panel, by=["gender"], metrics=["brier"], draws=1000)
    assert repr(found) == f"Evaluation of one, two on {len(panel):,} records, 1,000 draws"
    few = careers(5, seed=1)
    assert repr(evaluate({"m": forecast(few, 0.4)}, few, draws=40)) == "Evaluation of m on few records, 40 draws"
