"""An engineer: a forecast of thousands of workers that is killed halfway, resumed, and the same to the byte."""

from pathlib import Path

import numpy as np
import pytest

import laborllm as ll
from cli.commands import laborllm
from laborllm.forecasting.engines.to_file import RECORDS
from laborllm.models.counts.transition import FittedTransition
from laborllm.panel import Panel

WORKERS = 2000
DONE = 5  # shards, when the first attempt ends


def test_an_interrupted_forecast_ends_as_the_same_file(monkeypatch: pytest.MonkeyPatch, panel: Panel) -> None:
    people = ll.import_synthetic(workers=WORKERS, taxonomy=panel.taxonomy)
    people.save(Path("people.parquet"))
    assert laborllm("fit transition people.parquet --out model") == 0
    assert laborllm("forecast model people.parquet --out whole.parquet") == 0

    forecast_records = FittedTransition.forecast
    sizes: list[int] = []

    def killed(self: FittedTransition, careers: Panel, **scoring: None) -> ll.Forecast:
        if len(sizes) == DONE:
            raise KeyboardInterrupt
        sizes.append(len(careers))
        return forecast_records(self, careers, **scoring)

    with monkeypatch.context() as patched:
        patched.setattr(FittedTransition, "forecast", killed)
        assert laborllm("forecast model people.parquet --out parts.parquet") == 130  # as after Ctrl-C
    assert not Path("parts.parquet").exists()
    assert len(list(Path("parts.parquet.shards").glob("*.parquet"))) == DONE
    assert min(sizes) >= RECORDS

    resumed: list[int] = []

    def counted(self: FittedTransition, careers: Panel, **scoring: None) -> ll.Forecast:
        resumed.append(len(careers))
        return forecast_records(self, careers, **scoring)

    with monkeypatch.context() as patched:
        patched.setattr(FittedTransition, "forecast", counted)
        assert laborllm("forecast model people.parquet --out parts.parquet") == 0
    assert sum(sizes) + sum(resumed) == len(people)
    assert len(resumed) > DONE
    whole, parts = (Path(f"{name}.parquet") for name in ("whole", "parts"))
    assert parts.read_bytes() == whole.read_bytes()
    assert not Path("parts.parquet.shards").exists()
    expected = ll.forecast("model", people)
    found = ll.Forecast.load(parts.resolve())
    assert found.records.equals(expected.records)
    np.testing.assert_array_equal(found.log_prob, expected.log_prob)
