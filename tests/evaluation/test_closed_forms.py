"""Standard errors against closed forms: of means, ratios, perplexities, differences, areas, and of strata of two."""

import numpy as np
import polars as pl
import pytest

from evaluation.synthetic import careers, forecast
from laborllm.evaluation import evaluate
from laborllm.evaluation.arrays import Bools, Floats, Indices, Numbers
from laborllm.evaluation.bootstrap import INTERVAL, Bootstrapped, ClusterBootstrap
from laborllm.evaluation.draws import Draws
from laborllm.evaluation.metrics.auc import placements

DRAWS = 3000  # the standard error of a standard error is then 1.3 %
CLOSE = 0.06


def everyone(values: Numbers) -> Bools:
    return np.ones((len(values), 1), dtype=bool)


def linearised(values: Floats, weight: Numbers, cluster: Indices) -> float:
    """The standard error of a weighted mean whose clusters are drawn: the root of the sum of squares of what each adds
    to it (Cochran 1977, section 6.4)."""
    mean = np.average(values, weights=weight)
    added = np.bincount(cluster, weight * (values - mean)) / weight.sum()
    return float(np.sqrt(np.sum(added**2)))


@pytest.mark.parametrize("longest", [1, 9])
@pytest.mark.parametrize("weighted", [False, True])
def test_of_a_mean_over_careers_of_any_length(longest: int, weighted: bool) -> None:
    generator = np.random.default_rng(longest)
    cluster = np.repeat(np.arange(400), generator.integers(1, longest + 1, size=400))
    weight = generator.uniform(0.2, 3, size=len(cluster)) if weighted else np.ones(len(cluster))
    values = generator.normal(size=400)[cluster] + generator.exponential(size=len(cluster))
    found = ClusterBootstrap(cluster, weight, draws=DRAWS).mean(values[:, None], everyone(values))[0, 0]
    assert found.standard_error == pytest.approx(linearised(values, weight, cluster), rel=CLOSE)
    low, high = found.interval
    assert (high - low) / 2 == pytest.approx(1.96 * found.standard_error, rel=CLOSE)


def test_of_a_mean_in_one_cell_the_size_of_the_cell_varies_too() -> None:
    generator = np.random.default_rng(3)
    values, cell = generator.normal(5, 1, size=600), generator.random(600) < 0.2
    found = ClusterBootstrap(np.arange(600), np.ones(600), draws=DRAWS).mean(values[:, None], cell[:, None])[0, 0]
    assert found.standard_error == pytest.approx(values[cell].std() / np.sqrt(cell.sum()), rel=CLOSE)


def test_of_a_perplexity_by_the_delta_method() -> None:
    panel = careers(400, seed=2)
    model = forecast(panel, 0.4)
    found = evaluate({"m": model}, panel, metrics=["perplexity", "log_score"], draws=DRAWS)
    worker = panel.records["worker"].rank("dense").to_numpy().astype(int) - 1
    loss = -model.log_likelihood
    error = linearised(loss, np.ones(len(loss)), worker)
    perplexity, score = (found.row("m", name) for name in ("perplexity", "log_score"))
    assert score["standard_error"] == pytest.approx(error, rel=CLOSE)
    assert perplexity["standard_error"] == pytest.approx(np.exp(loss.mean()) * error, rel=CLOSE)
    for bound in ("low", "high"):
        assert np.log(float(perplexity[bound] or 0)) == pytest.approx(score[bound])


def test_of_a_difference_of_models_on_the_same_people() -> None:
    """It is that of the mean of the differences, far smaller than of two samples."""
    panel = careers(300, seed=6)
    one, other = forecast(panel, 0.65), forecast(panel, 0.6)
    found = evaluate({"one": one, "other": other}, panel, metrics=["log_score"], draws=DRAWS)
    worker = panel.records["worker"].rank("dense").to_numpy().astype(int) - 1
    gained = one.log_likelihood - other.log_likelihood
    difference = found.compared("other", "one", "log_score", "difference")
    assert difference["estimate"] == pytest.approx(gained.mean(), abs=1e-9)
    assert difference["standard_error"] == pytest.approx(linearised(gained, np.ones(len(gained)), worker), rel=CLOSE)
    apart = sum(float(found.row(name, "log_score")["standard_error"] or 0) ** 2 for name in ("one", "other")) ** 0.5
    assert difference["standard_error"] < 0.3 * apart


def test_of_a_ratio_of_perplexities() -> None:
    panel = careers(300, seed=6)
    one, other = forecast(panel, 0.65), forecast(panel, 0.5)
    found = evaluate({"one": one, "other": other}, panel, metrics=["perplexity"], draws=DRAWS)
    worker = panel.records["worker"].rank("dense").to_numpy().astype(int) - 1
    gained = one.log_likelihood - other.log_likelihood
    ratio = found.compared("other", "one")
    error = linearised(gained, np.ones(len(gained)), worker)
    assert ratio["estimate"] == pytest.approx(np.exp(gained.mean()))
    assert ratio["standard_error"] == pytest.approx(np.exp(gained.mean()) * error, rel=CLOSE)


def test_of_an_area_of_independent_records_as_delong_et_al() -> None:
    """Variances of the placements of both sides, each over its size (DeLong, DeLong and Clarke-Pearson 1988)."""
    generator = np.random.default_rng(8)
    happened = generator.random(500) < 0.3
    score = generator.normal(size=500) + happened
    order = np.argsort(score)
    happened = happened[order]
    share = placements(score[order], happened, np.ones(500), np.zeros(2), np.array([(~happened).sum(), happened.sum()]))
    expected = np.sqrt(share[happened].var() / happened.sum() + share[~happened].var() / (~happened).sum())
    bootstrap = ClusterBootstrap(np.arange(500), np.ones(500), draws=DRAWS)
    means = bootstrap.mean(share[:, None], np.stack([~happened, happened], axis=1))
    draws = means.resampled[:, 0].sum(axis=1) - means.estimate[0, 0]
    assert draws.std() == pytest.approx(expected, rel=CLOSE)
    assert means.estimate[0] == pytest.approx([share[happened].mean()] * 2)


def test_of_strata_of_two_clusters() -> None:
    """A stratum of clusters a and b adds (a - b)^2 to the variance of a total (Kish 1965, paired selection)."""
    generator = np.random.default_rng(4)
    stratum = np.repeat(np.arange(60), 2)
    values = 3 * generator.normal(size=60)[stratum] + generator.normal(size=120)
    found = ClusterBootstrap(np.arange(120), np.ones(120), stratum, draws=DRAWS).mean(values[:, None], everyone(values))
    expected = np.sqrt(np.sum((values[0::2] - values[1::2]) ** 2)) / 120
    assert found[0, 0].standard_error == pytest.approx(expected, rel=CLOSE)


def test_within_strata_the_weight_of_a_stratum_never_varies() -> None:
    stratum = np.repeat(np.arange(5), 4)
    totals = Draws(20, stratum, 50).totals([(np.arange(20), np.eye(5)[stratum])])
    np.testing.assert_allclose(totals, 4)


@pytest.mark.parametrize("scale", [0.001, 1000.0])
def test_the_unit_of_weights_does_not_matter(scale: float) -> None:
    panel = careers(80, seed=1)
    scaled = panel.with_records(panel.records.with_columns(pl.col("weight") * scale))
    models = {"m": forecast(panel, 0.4), "n": forecast(panel, 0.6)}
    one, other = (evaluate(models, given, by=["gender"], weights="sampling", draws=60) for given in (panel, scaled))
    both = one.estimates.join(other.estimates, on=["model", "metric", "group", "level"], suffix="_scaled")
    shown = both.filter(pl.col("estimate").is_not_null())
    for column in ("estimate", "standard_error", "low", "high"):
        known = shown.drop_nulls([column, f"{column}_scaled"])
        np.testing.assert_allclose(known[column], known[f"{column}_scaled"], rtol=1e-7, atol=1e-9)
    assert one.flows["observed"].to_list() == pytest.approx(other.flows["observed"].to_list())


def test_clusters_of_one_record_weighted_alike_are_exchangeable() -> None:
    """Names and order of clusters do not matter to a standard error, up to the draws."""
    generator = np.random.default_rng(2)
    values, order = generator.normal(size=(200, 1)), generator.permutation(200)
    one = ClusterBootstrap(np.arange(200), np.ones(200), draws=DRAWS).mean(values, everyone(values))[0, 0]
    other = ClusterBootstrap(order, np.ones(200), draws=DRAWS).mean(values, everyone(values))[0, 0]
    assert float(one.estimate) == pytest.approx(float(other.estimate))
    assert one.standard_error == pytest.approx(other.standard_error, rel=CLOSE)


def test_draws_that_define_nothing_are_left_out_of_errors_and_intervals() -> None:
    draws = np.array([1.0, 2.0, 3.0, np.nan, 4.0, np.inf])
    found = Bootstrapped(np.array(2.5), draws)
    assert found.standard_error == pytest.approx(np.std([1, 2, 3, 4], ddof=1))
    assert found.interval == pytest.approx(tuple(np.quantile([1, 2, 3, 4], INTERVAL)))
    nothing = Bootstrapped(np.array(1.0), np.array([np.nan, 1.0]))
    assert np.isnan([nothing.standard_error, *nothing.interval]).all()


def test_arithmetic_is_draw_by_draw() -> None:
    one = Bootstrapped(np.array([2.0, 8.0]), np.array([[1.0, 4.0], [2.0, 6.0]]))
    two = Bootstrapped(np.array([1.0, 2.0]), np.array([[0.5, 2.0], [0.0, 3.0]]))
    assert (one - two).resampled.tolist() == [[0.5, 2.0], [2.0, 3.0]]
    assert (one / two).estimate.tolist() == [2.0, 4.0]
    assert (one / two).resampled.tolist() == [[2.0, 2.0], [np.inf, 2.0]]
    np.testing.assert_allclose(one.exp().resampled, np.exp(one.resampled))
    assert one[1].resampled.tolist() == [4.0, 6.0]
