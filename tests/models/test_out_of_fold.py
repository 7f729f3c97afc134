"""Out-of-fold forecasts: nothing sees its own target, and counts are those of the other folds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import laborllm as ll
from laborllm.errors import OptionError, PanelError, RunError
from laborllm.panel import Panel
from laborllm.panel.split import folds_of
from laborllm.training.config import TrainingConfig

FOLDS = 2
MEMORISING = TrainingConfig(epochs=8, batch_size=8, learning_rate=0.3)


def fold_of_training(panel: Panel) -> pl.DataFrame:
    """The training records with their fold."""
    train = panel.subset("train").records
    return train.with_columns(folds_of(train, panel.split_by, seed=0, folds=FOLDS))


def relabelled(panel: Panel) -> Panel:
    """The last occupation of every training career is another one: the target of one record, and history of none."""
    codes = panel.taxonomy.codes
    other = dict(zip(codes, (*codes[1:], codes[0]), strict=True))
    is_last = pl.col("year") == pl.col("year").max().over("worker")
    moved = pl.when((pl.col("split") == "train") & is_last).then(pl.col("occupation").replace(other))
    return panel.with_records(panel.records.with_columns(moved.otherwise("occupation").alias("occupation")))


def test_counts_are_those_of_the_other_folds(panel: Panel, tmp_path: Path) -> None:
    ll.fit("transition", panel, out=tmp_path / "counts")
    found = ll.out_of_fold(tmp_path / "counts", panel, folds=FOLDS)
    fold = fold_of_training(panel)
    for number in range(FOLDS):
        left_out = fold.filter(fold=number)["worker"].unique()
        mine = pl.col("worker").is_in(left_out.implode())
        others = panel.part(panel.records.filter(~mine))
        expected = ll.Transition().fit(others).forecast(panel.part(panel.records.filter(mine)))
        rows = found.records["worker"].is_in(left_out.implode()).to_numpy()
        np.testing.assert_array_equal(found.log_prob[rows], expected.log_prob)
    held_out = panel.part(panel.records.filter(pl.col("split") != "train"))
    expected = ll.load(tmp_path / "counts").forecast(held_out)
    np.testing.assert_array_equal(found.of(held_out).log_prob, expected.log_prob)


def test_a_model_that_memorises_leaks_nothing(panel: Panel, tmp_path: Path) -> None:
    """Of a fold alone the targets are changed: its forecasts stay, bit for bit, while those of the model do not."""
    fold = fold_of_training(panel)
    first = fold.filter(fold=0)["worker"].unique()
    mine = pl.col("worker").is_in(first.implode())
    changed = panel.with_records(
        pl.concat([panel.records.filter(~mine), relabelled(panel).records.filter(mine)]).sort("worker", "year")
    )
    careers = panel.part(panel.records.filter(mine))
    inside, outside = [], []
    for name, data in {"as it is": panel, "changed": changed}.items():
        fitted = ll.fit("logit", data, training=MEMORISING, out=tmp_path / name)
        inside.append(fitted.forecast(careers).log_prob)
        outside.append(ll.out_of_fold(tmp_path / name, data, folds=FOLDS).log_prob[_rows(data, first)])
    assert np.abs(inside[0] - inside[1]).max() > 0.5
    np.testing.assert_array_equal(*outside)


def _rows(panel: Panel, workers: pl.Series) -> np.ndarray:
    return panel.records["worker"].is_in(workers.implode()).to_numpy()


def test_a_mixture_is_fitted_again_with_its_members_and_resumes(panel: Panel, tmp_path: Path) -> None:
    for variant in ("plain", "second-order"):
        ll.fit("transition", panel, variant=variant, out=tmp_path / variant)
    mixed = ll.Mixture((tmp_path / "plain", tmp_path / "second-order"))
    ll.fit(mixed, panel, out=tmp_path / "mixture")
    out = tmp_path / "folds.parquet"
    found = ll.out_of_fold(tmp_path / "mixture", panel, folds=FOLDS, out=out)
    assert not out.with_name("folds.parquet.training").exists()
    left_out = fold_of_training(panel).filter(fold=1)["worker"].unique()
    mine = pl.col("worker").is_in(left_out.implode())
    without = panel.part(panel.records.filter(~mine))
    for variant in ("plain", "second-order"):
        ll.fit("transition", without, variant=variant, out=tmp_path / "by hand" / variant)
    by_hand = ll.Mixture((tmp_path / "by hand" / "plain", tmp_path / "by hand" / "second-order")).fit(without)
    expected = by_hand.forecast(panel.part(panel.records.filter(mine)))
    np.testing.assert_array_equal(found.log_prob[_rows(panel, left_out)], expected.log_prob)
    np.testing.assert_array_equal(ll.Forecast.load(out).log_prob, found.log_prob)


def test_what_cannot_be_fitted_again_is_refused(panel: Panel, tmp_path: Path) -> None:
    ll.fit("transition", panel, out=tmp_path / "counts")
    ll.fit("transition", panel, careers=20, out=tmp_path / "of a part")
    ll.load(tmp_path / "counts").forecast(panel).save(tmp_path / "made.parquet")
    ll.fit(ll.Mixture((tmp_path / "made.parquet",)), panel, out=tmp_path / "mixture")
    for run, message in {"of a part": "on a part of this one", "mixture": "made.parquet is no run folder"}.items():
        with pytest.raises(RunError, match=message):
            ll.out_of_fold(tmp_path / run, panel, folds=2)
    with pytest.raises(OptionError, match="two folds or more, not 1"):
        ll.out_of_fold(tmp_path / "counts", panel, folds=1)
    with pytest.raises(PanelError, match="do not fill 500 folds"):
        ll.out_of_fold(tmp_path / "counts", panel, folds=500)


def test_initial_weights_of_other_people_stay_as_they_are(panel: Panel, tmp_path: Path) -> None:
    short = TrainingConfig(epochs=1, batch_size=8, learning_rate=1e-2)
    others = replace(panel, dataset="OTHER")
    small: dict[str, Any] = {"training": short, "layers": 1, "width": 16, "heads": 2}
    ll.fit("career", others, out=tmp_path / "first", **small)
    ll.fit("career", panel, out=tmp_path / "tuned", pretrained=tmp_path / "first", **small)
    out = tmp_path / "folds.parquet"
    ll.out_of_fold(tmp_path / "tuned", panel, folds=2, out=out)
    assert ll.Forecast.load(out).lineage == ll.load(tmp_path / "tuned").record.lineage
