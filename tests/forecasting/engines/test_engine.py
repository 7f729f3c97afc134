"""Every engine writes the same bytes, takes up what another one began, and loses nothing with a process that dies."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from laborllm.errors import OptionError, RunError
from laborllm.forecasting.engines.engine import Engine
from laborllm.forecasting.engines.to_file import forecast_to_file, simulate_to_file
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.forecasting.summaries import probabilities
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.contract import Fitted
from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.sequence.specs import Nemo
from laborllm.panel import Panel
from laborllm.panel.files.store import PanelFile

RECORDS = 30
PROCESSES = Engine(processes=2)


@pytest.fixture(scope="module")
def fitted(panel: Panel) -> Fitted:
    return Nemo(width=8).fit(panel)


@pytest.fixture
def careers(panel: Panel, tmp_path: Path) -> PanelFile:
    panel.save(tmp_path / "panel.parquet")
    return PanelFile.open(tmp_path / "panel.parquet")


class Dying:
    """A fitted model whose process is killed, once or always, when it comes to a worker."""

    def __init__(self, panel: Panel, worker: str, died: Path, *, always: bool = False) -> None:
        self.model = Transition().fit(panel)
        self.worker, self.died, self.always = worker, died, always

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        if self.worker in panel.records["worker"] and (self.always or not self.died.exists()):
            self.died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.model.forecast(panel)

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        return self.model.log_likelihood(panel)


@pytest.mark.parametrize(("split", "workers"), [(None, None), ("train", None), (None, 17), ("valid", 2)])
@pytest.mark.parametrize("records", [1, 7, 30, 1000])
@pytest.mark.parametrize("block", [11, 2**16])
def test_spans_are_the_portions(
    careers: PanelFile,
    split: str | None,
    workers: int | None,
    records: int,
    block: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("laborllm.panel.files.store.ROWS_TOGETHER", block)
    selected = careers.select(split, workers, seed=3)
    spans = [*selected.spans(records)]
    portions = [*selected.portions(records)]
    assert [length for _, _, length in spans] == [len(portion) for portion in portions]
    for (start, end, _), portion in zip(spans, portions, strict=True):
        assert selected.rows(start, end).records.equals(portion.records)


def test_several_processes_write_the_bytes_of_one(fitted: Fitted, careers: PanelFile, tmp_path: Path) -> None:
    for name, engine in (("one", Engine()), ("two", PROCESSES)):
        path = tmp_path / f"{name}.parquet"
        count = forecast_to_file(fitted, careers, path, identity="nemo", engine=engine, records=RECORDS)
        assert count == len(careers)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_a_simulation_in_shards_is_the_one_in_memory(
    fitted: Fitted, panel: Panel, careers: PanelFile, tmp_path: Path
) -> None:
    years = (2010, 2012)
    for name, engine in (("one", Engine()), ("two", PROCESSES)):
        path = tmp_path / f"{name}.parquet"
        simulate_to_file(
            fitted, careers, path, years=years, draws=20, top=3, seed=5, identity="nemo", engine=engine, records=RECORDS
        )
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    found = pl.read_parquet(tmp_path / "one.parquet")
    expected = probabilities(simulate(fitted, panel, years=years, draws=20, seed=5), top=3)
    assert found.drop("probability", "error").equals(expected.drop("probability", "error"))
    numbers = [name for name in expected.columns if expected[name].dtype.is_float()]
    np.testing.assert_allclose(found.select(numbers).to_numpy(), expected.select(numbers).to_numpy(), atol=1e-6)


def test_the_shards_of_one_engine_are_taken_up_by_another(panel: Panel, careers: PanelFile, tmp_path: Path) -> None:
    path = tmp_path / "whole.parquet"
    dying = Dying(
        panel, careers.rows(*[*careers.spans(RECORDS)][-1][:2]).records["worker"][0], tmp_path / "died", always=True
    )
    with pytest.raises(RunError, match="3 processes died in a row"):
        forecast_to_file(dying, careers, path, identity="same", engine=Engine(processes=1), records=RECORDS)
    ready = len([*tmp_path.glob("whole.parquet.shards/0*.parquet")])
    assert ready == len([*careers.spans(RECORDS)]) - 1
    forecast_to_file(dying.model, careers, path, identity="same", records=RECORDS)
    forecast_to_file(dying.model, careers, tmp_path / "local.parquet", identity="same", records=RECORDS)
    assert path.read_bytes() == (tmp_path / "local.parquet").read_bytes()


def test_a_process_that_dies_loses_nothing(panel: Panel, careers: PanelFile, tmp_path: Path) -> None:
    dying = Dying(panel, panel.records["worker"][len(panel) // 2], tmp_path / "died")
    forecast_to_file(dying, careers, tmp_path / "two.parquet", identity="same", engine=PROCESSES, records=RECORDS)
    assert (tmp_path / "died").exists()
    forecast_to_file(dying.model, careers, tmp_path / "one.parquet", identity="same", records=RECORDS)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_processes_end_with_the_one_that_started_them(careers: PanelFile, tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    script.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from laborllm.forecasting.engines.engine import Engine\n"
        "from laborllm.forecasting.engines.to_file import forecast_to_file\n"
        "from laborllm.panel.files.store import PanelFile\n"
        "class Slow:\n"
        "    def forecast(self, panel, *, scoring=None):\n"
        "        import os\n"
        "        Path(sys.argv[0]).with_name(f'worker.{os.getpid()}').touch()\n"
        "        time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    place = Path(sys.argv[0]).parent\n"
        "    careers = PanelFile.open(place / 'panel.parquet')\n"
        "    engine = Engine(processes=1)\n"
        "    forecast_to_file(Slow(), careers, place / 'f.parquet', identity='s', engine=engine, records=5)\n"
    )
    driver = subprocess.Popen([sys.executable, str(script)])
    deadline = time.monotonic() + 60
    while not (found := [*tmp_path.glob("worker.*")]) and time.monotonic() < deadline:
        time.sleep(0.05)
    driver.kill()
    driver.wait()
    worker = int(found[0].suffix[1:])
    while _runs(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(worker)


def _runs(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_bad_engines_are_refused(fitted: Fitted, panel: Panel, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot compute in 0 processes"):
        Engine(processes=0)
    with pytest.raises(OptionError, match="an address and GPUs are of the engine ray"):
        Engine(address="auto")
    with pytest.raises(OptionError, match="a process cannot have -1 GPUs"):
        Engine("ray", gpus=-1)
    with pytest.raises(OptionError, match="several processes read careers from a file"):
        forecast_to_file(fitted, panel, tmp_path / "f.parquet", identity="nemo", engine=PROCESSES)
