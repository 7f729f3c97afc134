"""The front door beyond a fit: who must move, what a model never saw, who was held out, and pages about people."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import laborllm as ll
from laborllm.errors import OptionError, PanelError, RunError, SourceError, StorageError, TaxonomyError
from laborllm.models.contract import Fitted
from laborllm.models.counts.transition import FittedTransition
from laborllm.panel import Panel
from laborllm.sources.synthetic import DRAWN_STATES


@pytest.fixture(scope="module")
def fitted(panel: Panel) -> FittedTransition:
    found = ll.fit("transition", panel)
    assert isinstance(found, FittedTransition)
    return found


@pytest.fixture(scope="module")
def reader(panel: Panel) -> Fitted:
    """A model that reads covariates."""
    from dataclasses import replace

    return ll.fit(ll.Logit(replace(ll.Logit().training, epochs=1)), panel)


def test_who_must_move_is_where_the_others_go(fitted: FittedTransition, panel: Panel) -> None:
    plain, moved = (ll.forecast(fitted, panel, year=2005, must_move=must) for must in (False, True))
    last = panel.records.group_by("worker", maintain_order=True).last()["occupation"]
    stay = panel.taxonomy.columns(last)
    rows = np.arange(len(stay))
    expected = np.exp(plain.log_prob.astype(np.float64))
    expected[rows, stay] = 0
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.exp(moved.log_prob), expected, rtol=1e-5, atol=1e-8)


def test_without_a_year_every_record_is_forecast(fitted: FittedTransition, panel: Panel) -> None:
    found = ll.forecast(fitted, panel.open([2005]))
    assert len(found.records) == len(panel) + panel.workers
    assert found.only_open().records.equals(ll.forecast(fitted, panel, year=2005).records)


def test_files_and_folders_are_read_as_what_they_hold(fitted: FittedTransition, panel: Panel, tmp_path: Path) -> None:
    fitted.save(tmp_path / "run")
    panel.save(tmp_path / "panel.parquet")
    expected = ll.forecast(fitted, panel, year=2005).log_prob
    for model in (tmp_path / "run", str(tmp_path / "run"), fitted):
        for careers in (tmp_path / "panel.parquet", str(tmp_path / "panel.parquet"), panel):
            np.testing.assert_array_equal(ll.forecast(model, careers, year=2005).log_prob, expected)


def test_what_a_model_never_saw_is_counted_by_value(reader: Fitted, panel: Panel) -> None:
    """Two thirds of the workers move to the moon; an education that is missing is known to be missing."""
    number = pl.col("worker").str.slice(1).cast(pl.Int64)
    moved = panel.records.with_columns(
        region=pl.when(number % 3 > 0).then(pl.lit("moon")).otherwise("region"),
        education=pl.lit(None, pl.String),
    )
    strange = panel.with_records(moved)
    found = ll.unknown_values(reader, strange)
    on_the_moon = strange.records.filter(pl.col("region") == "moon")
    assert found.select("covariate", "value", "records", "workers").rows() == [
        ("region", "moon", len(on_the_moon), on_the_moon["worker"].n_unique())
    ]
    assert ll.unknown_values(reader, panel.subset("train")).is_empty()


def test_a_model_that_reads_no_covariates_knows_all_of_them(fitted: FittedTransition, panel: Panel) -> None:
    strange = panel.with_records(panel.records.with_columns(region=pl.lit("moon")))
    assert ll.unknown_values(fitted, strange).is_empty()


def test_a_run_may_have_been_trained_on_those_whom_another_split_holds_out(
    fitted: FittedTransition, panel: Panel, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "run")
    assert ll.load(tmp_path / "run", held_out_by=panel).record == fitted.record
    turned = pl.col("split").replace({"train": "test", "test": "train"})
    with pytest.raises(RunError, match="split"):
        ll.load(tmp_path / "run", held_out_by=panel.with_records(panel.records.with_columns(turned)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda panel: ll.import_synthetic(0), SourceError, "0"),
        (lambda panel: ll.import_synthetic(10, taxonomy="nowhere"), TaxonomyError, "nowhere"),
        (lambda panel: ll.read_panel("nowhere.parquet"), PanelError, "no panel file at nowhere.parquet"),
        (lambda panel: ll.fit("transition", "nowhere.parquet"), PanelError, "no panel file at nowhere.parquet"),
        (lambda panel: ll.fit("transition", panel, variant="third"), OptionError, "third"),
        (lambda panel: ll.fit("transition", panel, careers=0), PanelError, "cannot draw 0 workers"),
        (lambda panel: ll.forecast("nowhere", panel), StorageError, "no folder at nowhere"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_said(
    call: Any, error: type[Exception], message: str, panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        call(panel)
    assert not any(tmp_path.iterdir())


def test_careers_of_a_taxonomy_of_ones_own_are_drawn_over_it(panel: Panel, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("code,title,group\n1,Bakers,Food\n2,Welders,Metal\n")
    drawn = ll.import_synthetic(40, taxonomy=file)
    assert drawn.taxonomy.codes == ("1", "2", *DRAWN_STATES)
    assert ll.import_synthetic(40, taxonomy=drawn.taxonomy).fingerprint == drawn.fingerprint
    assert ll.import_synthetic(40, taxonomy=drawn.taxonomy, seed=1).fingerprint != drawn.fingerprint


def test_a_fit_on_some_careers_keeps_the_other_splits(panel: Panel) -> None:
    part = panel.with_training(7, seed=2)
    found = ll.fit("transition", panel, careers=7, seed=2)
    assert found.record.workers == 7
    assert found.record.held_out == part.held_out == panel.held_out
    by_hand = ll.fit("transition", part, seed=2)
    np.testing.assert_array_equal(found.forecast(panel).log_prob, by_hand.forecast(panel).log_prob)


def test_a_fit_in_the_processes_of_torchrun_holds_the_place_once(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the first process writes: another fits, and leaves nothing behind."""
    monkeypatch.setenv("RANK", "1")
    other = ll.fit("transition", panel, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    monkeypatch.setenv("RANK", "0")
    first = ll.fit("transition", panel, out=tmp_path / "run")
    np.testing.assert_array_equal(first.forecast(panel).log_prob, other.forecast(panel).log_prob)
    assert (tmp_path / "run").is_dir()
