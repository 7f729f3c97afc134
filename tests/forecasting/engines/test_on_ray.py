"""A Ray cluster of this machine writes the bytes of one process, also when an actor is killed on the way."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from laborllm.errors import CapacityError, OptionError, RunError
from laborllm.forecasting.engines import on_ray
from laborllm.forecasting.engines.engine import Engine
from laborllm.forecasting.engines.job import Done, Job, Span
from laborllm.forecasting.engines.to_file import forecast_to_file
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.panel import Panel
from laborllm.panel.files.store import PanelFile

ray = pytest.importorskip("ray")
RECORDS = 30


class DyingOnce:
    """A fitted model whose process is killed when it first comes to a worker."""

    def __init__(self, panel: Panel, died: Path) -> None:
        self.model = Transition().fit(panel)
        self.worker, self.died = panel.records["worker"][len(panel) // 2], died

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        if self.worker in panel.records["worker"] and not self.died.exists():
            self.died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.model.forecast(panel)

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        return self.model.log_likelihood(panel)


@pytest.mark.slow
def test_a_cluster_that_loses_an_actor_writes_the_bytes_of_one_process(panel: Panel, tmp_path: Path) -> None:
    panel.save(tmp_path / "panel.parquet")
    careers = PanelFile.open(tmp_path / "panel.parquet")
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # actors cannot import the tests
    dying = DyingOnce(panel, tmp_path / "died")
    engine = Engine("ray", processes=2)
    forecast_to_file(dying, careers, tmp_path / "ray.parquet", identity="same", engine=engine, records=RECORDS)
    assert (tmp_path / "died").exists()
    forecast_to_file(dying.model, careers, tmp_path / "one.parquet", identity="same", records=RECORDS)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "ray.parquet").read_bytes()
    with pytest.raises(CapacityError, match="the cluster has 0 GPUs: an actor is to have 1"):
        forecast_to_file(
            dying.model, careers, tmp_path / "gpu.parquet", identity="same", engine=Engine("ray", gpus=1), records=30
        )


class Counting:
    """A fitted model that counts the records it forecasts."""

    def __init__(self, panel: Panel) -> None:
        self.model, self.records = Transition().fit(panel), 0

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        self.records += len(panel)
        return self.model.forecast(panel)

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        return self.model.log_likelihood(panel)


def test_what_an_actor_began_one_process_ends(panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The actor has no cluster around it, and is gone after two shards."""
    panel.save(tmp_path / "panel.parquet")
    careers, path, model = PanelFile.open(tmp_path / "panel.parquet"), tmp_path / "whole.parquet", Counting(panel)
    written: list[Done] = []

    def run_two(job: Job, spans: Sequence[Span], **_: object) -> Iterator[Done]:
        actor = object.__new__(on_ray.Actor)
        actor.job = ray.cloudpickle.loads(ray.cloudpickle.dumps(job))
        columns = zip(Span._fields, zip(*spans[:2], strict=True), strict=True)
        found = actor({name: np.array(values) for name, values in columns})
        written.extend(Done(*row) for row in zip(*(found[name] for name in Done._fields), strict=True))
        yield from written
        raise RunError("the Ray cluster gave up")

    monkeypatch.setattr(on_ray, "run_on_ray", run_two)
    with pytest.raises(RunError, match="gave up"):
        forecast_to_file(model, careers, path, identity="same", engine=Engine("ray"), records=RECORDS)
    forecast_to_file(model, careers, path, identity="same", records=RECORDS)
    assert model.records == len(panel) - sum(done.records for done in written)
    forecast_to_file(model.model, careers, tmp_path / "one.parquet", identity="same", records=RECORDS)
    assert path.read_bytes() == (tmp_path / "one.parquet").read_bytes()


def test_no_cluster_at_an_address_is_one_line(panel: Panel, tmp_path: Path) -> None:
    panel.save(tmp_path / "panel.parquet")
    careers = PanelFile.open(tmp_path / "panel.parquet")
    engine = Engine("ray", address="127.0.0.1:1")
    with pytest.raises(OptionError, match=r"no Ray cluster at 127.0.0.1:1: "):
        forecast_to_file(Transition().fit(panel), careers, tmp_path / "f.parquet", identity="same", engine=engine)
