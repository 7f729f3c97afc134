"""The front door: light to open, and a call by name is the call of a spec."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import laborllm as ll
from laborllm.errors import OptionError, PanelError, StorageError
from laborllm.panel import Panel


def test_every_name_has_a_place() -> None:
    assert sorted(name for names in ll.PLACES.values() for name in names) == sorted(ll.__all__)


def test_the_door_is_light() -> None:
    """No torch, no data frames, until a name is used."""
    code = "import sys, laborllm as ll; ll.__version__; print(*sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    loaded = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    ).stdout.split()
    assert "laborllm" in loaded
    assert not {"torch", "polars", "numpy", "transformers"} & set(loaded)
    code = (
        "import sys, laborllm as ll; ll.Career(), ll.TitleHead(), ll.read_panel, ll.fit, ll.load; print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    ).stdout.split()
    assert "laborllm.models.sequence.specs" in loaded
    assert not {"torch", "transformers"} & set(loaded)


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'fti'"):
        _ = ll.fti


def test_a_fit_by_name_is_that_of_the_spec(panel: Panel, tmp_path: Path) -> None:
    by_name = ll.fit("transition", panel, variant="plain", careers=20, seed=3, out=tmp_path / "new" / "run")
    by_spec = ll.Transition("plain").fit(panel.with_training(20, seed=3), seed=3)
    np.testing.assert_array_equal(by_name.forecast(panel).log_prob, by_spec.forecast(panel).log_prob)
    assert ll.load(str(tmp_path / "new" / "run")).record == by_spec.record


def test_a_refit_is_a_fit_on_careers_drawn_with_replacement(panel: Panel, tmp_path: Path) -> None:
    refit = ll.fit("transition", panel, resampled=4, out=tmp_path / "refit")
    drawn = panel.resampled(seed=4)
    train, people = drawn.subset("train"), panel.subset("train").workers
    assert train.workers == people
    names = train.records["worker"].str.replace("#.*", "")
    assert 0.5 * people < names.n_unique() < 0.75 * people  # 63 % of many
    assert drawn.subset("test").records.equals(panel.subset("test").records)
    np.testing.assert_array_equal(refit.forecast(panel).log_prob, ll.Transition().fit(drawn).forecast(panel).log_prob)
    with pytest.raises(PanelError, match="a seed of 0 or more, not -1"):
        panel.resampled(seed=-1)


def test_next_year_is_the_forecast_of_the_open_records(panel: Panel, tmp_path: Path) -> None:
    fitted = ll.fit(ll.Transition("second-order"), panel, out=tmp_path / "run")
    panel.save(tmp_path / "panel.parquet")
    found = ll.forecast(tmp_path / "run", tmp_path / "panel.parquet", year=2005)
    assert found.records["worker"].to_list() == panel.records["worker"].unique(maintain_order=True).to_list()
    assert found.records["occupation"].null_count() == panel.workers
    whole = fitted.forecast(panel.open(years=[2005]))
    np.testing.assert_array_equal(found.log_prob, whole.only_open().log_prob)


def test_what_cannot_be_fitted_is_refused_before_any_work(panel: Panel, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="unknown model 'carer': use oracle, transition"):
        ll.fit("carer", panel)
    with pytest.raises(OptionError, match=r"the model transition does not take wdith"):
        ll.fit("transition", panel, wdith=3)
    with pytest.raises(OptionError, match="variant is an option of a spec"):
        ll.fit(ll.Transition(), panel, variant="plain")
    with pytest.raises(PanelError, match="can be opened only after the last"):
        ll.forecast(ll.fit("transition", panel), panel, year=1990)
    with pytest.raises(StorageError, match="no folder at"):
        ll.load(tmp_path / "nothing")
