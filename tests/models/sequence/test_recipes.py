"""Recipes of training over codes: what is hidden from a network, and snapshots of one long run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import laborllm as ll
from laborllm.errors import OptionError
from laborllm.models.sequence.inputs.careers import Batch, index_careers
from laborllm.models.sequence.inputs.hidden import Hiding
from laborllm.models.sequence.inputs.vocabulary import Vocabulary
from laborllm.panel import Panel
from laborllm.training.config import TrainingConfig

SHORT = TrainingConfig(epochs=1, batch_size=8, learning_rate=1e-2)
SMALL: dict[str, Any] = {"training": SHORT, "width": 16}


@pytest.fixture
def batch(panel: Panel) -> Batch:
    return index_careers(panel, Vocabulary.of(panel)).batch(range(panel.workers))


def test_occupations_of_hidden_records_are_none_and_all_else_stays(batch: Batch, panel: Panel) -> None:
    torch.manual_seed(0)
    none = len(panel.taxonomy)
    found = Hiding(0.5, 0.0, none).apply(batch)
    out = found.index["previous"] != batch.index["previous"]
    assert (found.index["previous"][out] == none).all()
    assert torch.equal(found.index["before_previous"][out], torch.full_like(found.index["previous"][out], none))
    known = batch.present & (batch.index["previous"] < none)
    assert (out & known).sum() / known.sum() == pytest.approx(0.5, abs=0.15)
    unchanged = batch.index.keys() - {"previous", "before_previous"}
    assert all(torch.equal(found.index[name], batch.index[name]) for name in unchanged)


def test_a_covariate_is_unknown_over_a_whole_career(batch: Batch) -> None:
    torch.manual_seed(0)
    found = Hiding(0.0, 0.5, none=99).apply(batch)
    for name in ("education", "gender", "year"):
        hidden = (found.index[name] == 0).all(dim=1)
        assert torch.equal(found.index[name][~hidden], batch.index[name][~hidden])
        assert 0 < hidden.sum() < len(hidden)
    assert all(torch.equal(found.index[name], batch.index[name]) for name in ("previous", "occupation", "gap"))


@pytest.mark.parametrize("option", ["record_dropout", "covariate_dropout"])
def test_what_is_hidden_is_hidden_in_training_only(panel: Panel, option: str) -> None:
    """The weights differ from those of a fit that hides nothing, and two forecasts by them do not."""
    told = ll.fit("nemo", panel, **SMALL)
    fitted = ll.fit(replace(ll.Nemo(**SMALL), **{option: 0.5}), panel)  # type: ignore[arg-type]
    first, second, other = (model.forecast(panel).log_prob for model in (fitted, fitted, told))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 1e-4
    with pytest.raises(OptionError, match=f"{option.replace('_', '-')} is a share from 0 to below 1, not 1"):
        replace(ll.Nemo(), **{option: 1})  # type: ignore[arg-type]


def test_a_snapshot_is_what_a_shorter_run_gives(panel: Panel, tmp_path: Path) -> None:
    ll.fit("nemo", panel, **SMALL, cycles=3, out=tmp_path / "long")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long"]
    for cycles in (1, 2):
        shorter = ll.fit("nemo", panel, **SMALL, cycles=cycles)
        snapshot = ll.load(tmp_path / "long" / "snapshots" / str(cycles))
        assert snapshot.spec == shorter.spec
        np.testing.assert_array_equal(snapshot.forecast(panel).log_prob, shorter.forecast(panel).log_prob)
    members = tuple(tmp_path / "long" / place for place in ("snapshots/1", "snapshots/2", "."))
    assert len(ll.Mixture(members).fit(panel).members) == 3


def test_a_run_that_was_interrupted_in_its_second_cycle_gives_the_same(panel: Panel, tmp_path: Path) -> None:
    """Its checkpoints are those of a run of two cycles that was never saved."""
    whole = ll.Nemo(**SMALL, cycles=2).fit(panel, out=tmp_path / "run")
    assert (tmp_path / "run.training").is_dir()
    assert (tmp_path / "run.cycle-2.training").is_dir()
    again = ll.fit("nemo", panel, **SMALL, cycles=2, out=tmp_path / "run")
    np.testing.assert_array_equal(again.forecast(panel).log_prob, whole.forecast(panel).log_prob)
    assert not list(tmp_path.glob("*.training"))
    assert replace(ll.load(tmp_path / "run").spec, cycles=1) == ll.Nemo(**SMALL)  # type: ignore[type-var]
