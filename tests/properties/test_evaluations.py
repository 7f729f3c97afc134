"""What holds of any evaluation: levels add up to the whole, and a weight of three is three such workers."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import laborllm as ll
from laborllm.evaluation import Evaluation, evaluate
from laborllm.evaluation.draws import FEWEST_DRAWS
from laborllm.models.contract import Fitted
from laborllm.panel import Panel

FEW = settings(max_examples=8)
SEEDS = st.integers(0, 2**32 - 1)
DRAWS = FEWEST_DRAWS  # the intervals are not looked at
ADDITIVE = ("perplexity", "raw_perplexity")  # exponentials of means over records


@pytest.fixture(scope="module")
def people() -> Panel:
    """Enough people that no level is withheld."""
    return ll.import_synthetic(workers=150)


@pytest.fixture(scope="module")
def fitted(people: Panel) -> Fitted:
    return ll.fit("transition", people)


def measured(fitted: Fitted, panel: Panel, *by: str, weights: str = "none") -> Evaluation:
    return evaluate({"counts": fitted}, panel, split=None, by=by, weights=weights, draws=DRAWS)


@FEW
@given(seed=SEEDS, levels=st.integers(1, 4))
def test_the_levels_of_a_group_partition_the_records(fitted: Fitted, people: Panel, seed: int, levels: int) -> None:
    """The logarithm of perplexity over all is the mean of those of the levels, weighted by their weights."""
    rng = np.random.default_rng(seed)
    drawn = people.records.with_columns(
        pl.Series("label", rng.integers(levels, size=len(people)).astype(str).tolist()),
        pl.Series("importance", rng.uniform(0.1, 5, size=len(people))),
    )
    found = evaluate(
        {"counts": fitted},
        people.with_records(drawn),
        split=None,
        by=["label", "transition"],
        weights="importance",
        metrics=ADDITIVE,
        draws=DRAWS,
    )
    mass = drawn.group_by("label").agg(pl.col("importance").sum(), pl.len())
    for metric in ADDITIVE:
        rows = found.estimates.filter(metric=metric, group="label").join(mass, left_on="level", right_on="label")
        assert rows["estimate"].null_count() == 0
        assert rows["records"].to_list() == rows["len"].to_list()
        assert rows["records"].sum() == found.row("counts", metric)["records"] == len(people)
        mean = np.average(np.log(rows["estimate"]), weights=rows["importance"])
        assert np.exp(mean) == pytest.approx(found.row("counts", metric)["estimate"], rel=1e-9)


@FEW
@given(seed=SEEDS)
def test_an_integer_weight_is_as_many_such_workers(fitted: Fitted, people: Panel, seed: int) -> None:
    """In every estimate but p-values, as a weight makes no one more certain."""
    names = people.records["worker"].unique(maintain_order=True)
    times = np.random.default_rng(seed).integers(1, 4, size=len(names))
    counted = pl.DataFrame({"worker": names, "times": times})
    weighted = people.with_records(people.records.join(counted, on="worker"))
    copies = weighted.records.with_columns(pl.int_ranges("times").alias("copy")).explode("copy")
    replicated = replace(
        people,
        dataset="COPIES",  # whose workers are not those that the model knows as held out
        records=copies.with_columns(pl.concat_str("worker", pl.lit("/"), "copy").alias("worker")).drop("copy", "times"),
    )
    once = measured(fitted, weighted, "gender", weights="times")
    often = measured(fitted, replicated, "gender")
    keys = ["model", "metric", "group", "level"]
    both = once.estimates.join(often.estimates, on=keys, suffix="_often")
    assert both.height == once.estimates.height
    shown = both.filter(pl.col("estimate").is_not_null(), ~pl.col("metric").str.starts_with("kuiper_p_"))
    assert {"perplexity", "brier", "auc_change", "kuiper_change"} <= set(shown["metric"])
    assert set(shown["group"]) == {"all", "gender"}
    np.testing.assert_allclose(shown["estimate"], shown["estimate_often"], rtol=1e-6, atol=1e-9)
    unweighted = measured(fitted, people).row("counts", "perplexity")["estimate"]
    assert once.row("counts", "perplexity")["estimate"] != unweighted
