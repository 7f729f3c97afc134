"""A Ray cluster of this machine writes the bytes of one process, also when an actor is killed on the way."""

import os
import signal
import sys
from pathlib import Path

import pytest

from laborllm.errors import CapacityError, OptionError
from laborllm.forecasting.engines.engine import Engine
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


def test_no_cluster_at_an_address_is_one_line(panel: Panel, tmp_path: Path) -> None:
    panel.save(tmp_path / "panel.parquet")
    careers = PanelFile.open(tmp_path / "panel.parquet")
    engine = Engine("ray", address="127.0.0.1:1")
    with pytest.raises(OptionError, match=r"no Ray cluster at 127.0.0.1:1: "):
        forecast_to_file(Transition().fit(panel), careers, tmp_path / "f.parquet", identity="same", engine=engine)
