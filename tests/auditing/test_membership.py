"""The audit as a whole: it flags a model that was overfitted on purpose, and clears one that never saw the people."""

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from laborllm import import_synthetic
from laborllm.auditing.membership import Audit, audit
from laborllm.errors import PanelError, RunError
from laborllm.models.contract import Fitted
from laborllm.models.counts.specs import Transition
from laborllm.models.sequence.specs import Nemo
from laborllm.panel import Addition, Panel, mix
from laborllm.training.config import TrainingConfig

MEMORISING = Nemo(training=TrainingConfig(epochs=30, batch_size=16, learning_rate=2e-2), width=96, dropout=0.0)
"""Far past its optimum: split valid is made of training workers below, so nothing stops it."""


@pytest.fixture(scope="module")
def panel() -> Panel:
    return import_synthetic(workers=200)


@pytest.fixture(scope="module")
def elsewhere() -> Fitted:
    """Transition frequencies of people of whom none is in the panel."""
    other = import_synthetic(workers=300, seed=9)
    records = other.records.with_columns("o" + pl.col("worker"))
    return Transition().fit(replace(other, dataset="ELSEWHERE", records=records))


@pytest.fixture(scope="module")
def overfitted(panel: Panel) -> Fitted:
    trained = panel.records.filter(pl.col("split") == "train")
    few = trained["worker"].unique(maintain_order=True).head(10).implode()
    validated = trained.filter(pl.col("worker").is_in(few)).with_columns(
        pl.lit("valid").alias("split"), worker=pl.lit("v") + pl.col("worker")
    )
    kept = panel.records.filter(pl.col("split") != "valid")
    return MEMORISING.fit(panel.with_records(pl.concat([kept, validated])))


def test_a_model_overfitted_on_purpose_is_flagged(panel: Panel, overfitted: Fitted, elsewhere: Fitted) -> None:
    found = audit(overfitted, panel, reference=elsewhere, draws=200)
    assert found.row("loss", "auc")["estimate"] > 0.9
    assert found.row("calibrated", "auc")["low"] > 0.9
    assert found.row("calibrated", "tpr_at_1_percent")["low"] > 0.3
    assert found.row("loss", "auc", "record")["low"] > 0.6


def test_a_model_that_never_saw_the_people_is_cleared(panel: Panel, elsewhere: Fitted, tmp_path: Path) -> None:
    found = audit(elsewhere, panel, refits=4, cache=tmp_path, draws=200)
    for attack in ("loss", "rmia", "lira", "lira_offline"):
        row = found.row(attack, "auc")
        assert row["low"] < 0.5 < row["high"]


def test_refits_find_what_counting_remembers_and_the_likelihood_alone_does_not(panel: Panel, tmp_path: Path) -> None:
    """Tables of transitions of two hundred people hold single people."""
    found = audit(Transition().fit(panel), panel, refits=8, cache=tmp_path, draws=200)
    assert found.row("loss", "auc")["high"] < 0.7
    assert found.row("rmia", "auc")["low"] > 0.75
    assert found.row("lira", "auc")["low"] > 0.75


def test_members_are_those_of_split_train_and_others_those_of_split_test(panel: Panel, elsewhere: Fitted) -> None:
    found = audit(elsewhere, panel, draws=50)
    workers = {split: panel.subset(split).workers for split in ("train", "test")}
    assert (found.members, found.others, found.refits) == (workers["train"], workers["test"], 0)
    assert found.table["attack"].unique(maintain_order=True).to_list() == ["loss"]
    assert found.row("loss", "members_among_1_percent")["chance"] == pytest.approx(
        workers["train"] / (workers["train"] + workers["test"])
    )


def test_of_a_pooled_panel_only_those_are_compared_who_have_test_workers(panel: Panel, elsewhere: Fitted) -> None:
    """Workers who were added are all trained on: telling the panels apart would pass for telling members."""
    other = import_synthetic(workers=100, seed=3)
    other = replace(other, dataset="OTHER", records=other.records.with_columns(worker=pl.lit("o") + pl.col("worker")))
    pooled = mix(panel, [Addition(other)], seed=0)
    alone, together = (audit(elsewhere, each, draws=50) for each in (panel, pooled))
    assert together.members == alone.members
    assert together.row("loss", "auc")["estimate"] == pytest.approx(alone.row("loss", "auc")["estimate"])


def test_json_holds_all_of_it(panel: Panel, elsewhere: Fitted) -> None:
    found = audit(elsewhere, panel, draws=50)
    stored = json.loads(found.to_json())
    again = Audit(
        **{name: value for name, value in stored.items() if name != "attacks"}, table=pl.DataFrame(stored["attacks"])
    )
    assert again.table.equals(found.table)
    assert (again.model, again.dataset) == ("transition", "SYNTHETIC")


def test_too_few_people(panel: Panel, elsewhere: Fitted) -> None:
    tested = panel.records.filter(pl.col("split") == "test")["worker"].unique(maintain_order=True).head(9)
    few = panel.with_records(
        panel.records.filter((pl.col("split") != "test") | pl.col("worker").is_in(tested.implode()))
    )
    with pytest.raises(PanelError, match="split test has fewer than 10 workers, which an audit takes"):
        audit(elsewhere, few)


def test_a_run_of_another_split_is_refused(panel: Panel, tmp_path: Path) -> None:
    Transition().fit(panel).save(tmp_path / "run")
    swapped = pl.col("split").replace({"test": "train", "train": "test"})
    with pytest.raises(RunError, match="another split"):
        audit(tmp_path / "run", panel.with_records(panel.records.with_columns(swapped)))
