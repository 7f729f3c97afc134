"""Run folders, forecasts, panels and files of options, each spoilt FUZZ_INPUTS times at random: used, or one line."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.forecast import Forecast
from laborllm.models.registry import load, load_forecaster
from laborllm.models.sequence.specs import Nemo
from laborllm.panel import Panel
from laborllm.panel.files.store import PanelFile
from laborllm.storage import MARKER
from models.test_malformed import JUNK, entry_paths, seal
from sources.test_fuzz import Spoiling, own_error_at_most, spoil
from sources.test_fuzz_sources import SPOILT, among

pytestmark = pytest.mark.fuzz

Use = Callable[[Path], object]

NUMBERS: list[Any] = [2**31, -(2**63), 10**30, 1e-300, 0.5, "1", "\x00", "../..", "/", "a" * 10_000, [[[]]]]


@pytest.fixture(scope="module")
def files(panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A panel, a forecast of it, and two run folders."""
    folder = tmp_path_factory.mktemp("whole")
    panel.save(folder / "panel.parquet")
    Transition().fit(panel).save(folder / "transition")
    Nemo(width=8).fit(panel).save(folder / "nemo")
    load(folder / "transition").forecast(panel).save(folder / "forecast.parquet")
    return folder


def read_panel(file: Path) -> None:
    found = Panel.load(file)
    assert Panel(found.records, found.taxonomy, found.dataset, found.provenance).records.equals(found.records)


def read_panel_by_portions(file: Path) -> None:
    careers = PanelFile.open(file)
    assert sum(len(portion) for portion in careers.portions(20)) == len(careers)
    assert sum(records for _, _, records in careers.spans(20)) == len(careers)


def read_forecast(file: Path) -> None:
    found = load_forecaster(file)
    assert len(Forecast.load(file).records) == len(found.saved.records)  # type: ignore[union-attr]


USES: dict[str, tuple[str, Use]] = {
    "panel": ("panel.parquet", read_panel),
    "portions": ("panel.parquet", read_panel_by_portions),
    "forecast": ("forecast.parquet", read_forecast),
}


@pytest.mark.parametrize("use", USES)
@among(forms=1)
@given(damages=SPOILT)
def test_spoilt_files(use: str, damages: list[Spoiling], files: Path, tmp_path: Path) -> None:
    name, read = USES[use]
    shutil.copy(files / name, tmp_path / name)
    spoil(tmp_path / name, damages)
    with own_error_at_most():
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["transition", "nemo"])
@among(forms=2)
@given(damages=SPOILT, at=st.floats(0, 1))
def test_spoilt_runs(name: str, damages: list[Spoiling], at: float, files: Path, panel: Panel, tmp_path: Path) -> None:
    """Spoil one file of a run folder, and make its marker agree with it."""
    run = tmp_path / name
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(files / name, run)
    inside = sorted(path for path in run.rglob("*") if path.is_file())
    chosen = inside[min(int(at * len(inside)), len(inside) - 1)]
    spoil(chosen, damages)
    if chosen.name != MARKER:
        seal(run)
    with own_error_at_most():
        assert len(load(run, held_out_by=panel).forecast(panel).records) == len(panel)


@st.composite
def changed_entries(draw: st.DrawFn, stated: Any) -> Any:
    """JSON with some entries left out, or replaced by others."""
    changed = json.loads(json.dumps(stated))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(list(entry_paths(changed)) or [("nothing",)]))
        inner = changed
        for key in way:
            inner = inner[key]
        if draw(st.booleans()):
            inner.pop(last, None)
        else:
            inner[last] = copy.deepcopy(draw(st.sampled_from(JUNK + NUMBERS)))  # what is changed next may be in it
    return changed


@among(forms=1)
@given(data=st.data())
def test_changed_metadata(data: st.DataObject, files: Path, tmp_path: Path) -> None:
    """Change what panels and forecasts say of themselves in their metadata, as JSON that can be read."""
    name = data.draw(st.sampled_from(["panel.parquet", "forecast.parquet"]))
    about = pl.read_parquet_metadata(files / name)
    about = {key: text for key, text in about.items() if key.startswith("laborllm.")}
    key = data.draw(st.sampled_from(sorted(key for key in about if about[key].startswith("{"))))
    about[key] = json.dumps(data.draw(changed_entries(json.loads(about[key]))))
    pl.read_parquet(files / name).write_parquet(tmp_path / name, metadata=about)
    with own_error_at_most():
        (read_panel if name.startswith("panel") else read_forecast)(tmp_path / name)


@among(forms=1)
@given(data=st.data())
def test_changed_options(data: st.DataObject, files: Path, panel: Panel, tmp_path: Path) -> None:
    """Change what a run states of itself, in JSON that can be read."""
    name = data.draw(st.sampled_from(["transition", "nemo"]))
    run = tmp_path / name
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(files / name, run)
    stated = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(data.draw(changed_entries(stated))))
    seal(run)
    with own_error_at_most():
        load(run, held_out_by=panel).forecast(panel)
