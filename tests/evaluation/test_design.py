"""Weights, clusters and strata as columns of the panel say."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from evaluation.synthetic import careers, forecast
from laborllm.errors import OptionError
from laborllm.evaluation import evaluate
from laborllm.evaluation.bootstrap import ClusterBootstrap
from laborllm.evaluation.design import Clusters
from laborllm.panel import Panel


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Two or three workers a household, one in nine without; strata of a dozen workers, PSUs 1 and 2 in each."""
    given = careers(200, seed=4)
    number = pl.col("worker").str.slice(1).cast(pl.Int64)
    return replace(
        given,
        records=given.records.with_columns(
            household=pl.when(number % 9 > 0).then(number * 2 // 5),
            stratum=number // 12,
            psu=number % 2 + 1,
            mixed=pl.col("year"),
        ),
    )


def test_workers_of_a_household_are_drawn_together(panel: Panel) -> None:
    """The interval is that of a bootstrap over households built by hand, those without one drawn singly."""
    model = forecast(panel, 0.4)
    found = evaluate({"m": model}, panel, cluster="household", metrics=["log_score"], draws=200).row("m", "log_score")
    names = panel.records.select(pl.coalesce(pl.col("household").cast(pl.String), "worker")).to_series()
    cluster = names.replace_strict({name: at for at, name in enumerate(names.unique(maintain_order=True))}).to_numpy()
    by_hand = ClusterBootstrap(cluster, np.ones(len(cluster)), draws=200)
    expected = by_hand.mean(-model.log_likelihood[:, None], np.ones((len(cluster), 1), dtype=bool))[0, 0]
    assert found["standard_error"] == pytest.approx(expected.standard_error)
    by_worker = evaluate({"m": model}, panel, metrics=["log_score"], draws=200).row("m", "log_score")
    assert by_worker["estimate"] == found["estimate"]
    assert by_worker["standard_error"] != found["standard_error"]


def test_codes_of_psus_repeat_between_strata(panel: Panel) -> None:
    design = Clusters("psu", "stratum")
    cluster, stratum = design.read(panel), design.stratum
    assert stratum is not None
    pairs = panel.records.select("stratum", "psu").unique().height
    assert len(stratum) == len(design) == cluster.max() + 1 == pairs
    for each in range(int(stratum.max()) + 1):
        assert (stratum == each).sum() >= 2
    evaluate({"m": forecast(panel, 0.4)}, panel, cluster="psu", strata="stratum", metrics=["brier"], draws=40)


@pytest.mark.parametrize(("alone", "expected"), [(1, 16), (2, 16), (3, 15)])
def test_strata_of_one_cluster_are_put_together(panel: Panel, alone: int, expected: int) -> None:
    """Seventeen strata, some of one PSU: a single one joins another stratum, several make one."""
    one = (pl.col("stratum") < alone).alias("one")
    given = panel.records.with_columns(psu=pl.when(one).then(1).otherwise("psu"))
    design = Clusters("psu", "stratum")
    design.read(replace(panel, records=given))
    assert design.stratum is not None
    assert design.stratum.max() + 1 == expected
    assert np.bincount(design.stratum).min() >= 2


def test_a_single_stratum_of_one_cluster_is_refused(panel: Panel) -> None:
    given = replace(panel, records=panel.records.with_columns(stratum=1, psu=1))
    with pytest.raises(OptionError, match="one stratum of one cluster: nothing varies"):
        evaluate({"m": forecast(panel, 0.4)}, given, cluster="psu", strata="stratum", draws=40)


def test_a_column_that_changes_within_a_career_is_no_cluster(panel: Panel) -> None:
    with pytest.raises(OptionError, match="the column 'mixed' differs between records of"):
        evaluate({"m": forecast(panel, 0.4)}, panel, cluster="mixed", draws=40)


def test_a_value_that_reads_unknown_is_one_level_with_what_is_missing(panel: Panel) -> None:
    number = pl.col("worker").str.slice(1).cast(pl.Int64) % 3
    said = pl.when(number == 0).then(pl.lit("member")).when(number == 1).then(pl.lit("unknown"))
    given = replace(panel, records=panel.records.with_columns(union=said))
    found = evaluate({"m": forecast(panel, 0.4)}, given, by=["union", "union*gender"], metrics=["brier"], draws=40)
    rows = found.estimates.filter(group="union")
    records = given.records["union"].fill_null("unknown").value_counts().sort("union")
    assert rows.select(pl.col("level").alias("union"), pl.col("records").cast(pl.UInt32)).rows() == records.rows()
    assert not found.estimates.select("group", "level").is_duplicated().any()


def test_numbers_are_grouped_by_fifths(panel: Panel) -> None:
    found = evaluate({"m": forecast(panel, 0.4)}, panel, by=["weight"], metrics=["brier"], draws=40)
    levels = found.estimates.filter(group="weight")
    assert levels["level"].to_list() == ["lowest fifth", "second fifth", "third fifth", "fourth fifth", "highest fifth"]
    assert levels["records"].max() / levels["records"].min() < 1.2  # type: ignore[operator]
