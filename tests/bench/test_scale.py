"""What commands are measured to take on panels of several sizes, on small ones."""

import json
from pathlib import Path

import polars as pl
import pytest

from benchmarks.__main__ import main
from benchmarks.scale import _run, measure_scale
from laborllm.errors import RunError

BYTES_A_RECORD = 25  # half of what a panel in memory takes: runs of one command differ by some ten


@pytest.mark.slow
def test_a_row_for_each_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scale", "--sizes", "60", "--out", str(tmp_path / "scale"), "--json"]) == 0
    found = pl.DataFrame(json.loads(capsys.readouterr().out))
    assert found.select("verb", "workers").rows() == [("evaluate", 60), ("forecast", 60), ("simulate", 60)]
    assert found["time_ratio"].to_list() == found["size_ratio"].to_list() == [1, 1, 1]
    assert (found["seconds"] > 0).all()
    assert (found["memory_mb"] > 50).all()
    assert (found["memory_mb"] < 2000).all()
    assert (tmp_path / "scale" / "60" / "forecast.parquet").is_file()


@pytest.mark.slow
def test_time_grows_with_the_panel_and_memory_hardly(tmp_path: Path) -> None:
    """Four times the workers: four times the time and a fifth at most, and few bytes for each record added."""
    found = measure_scale([32_000, 128_000], tmp_path / "scale")
    larger = found.filter(workers=128_000)
    assert (larger["time_ratio"] <= 1.2 * larger["size_ratio"]).all()
    growth = found.group_by("verb").agg((pl.col("memory_mb").diff() * 2**20 / pl.col("records").diff()).last())
    assert growth.filter(pl.col("memory_mb") > BYTES_A_RECORD).is_empty(), growth


def test_a_command_that_fails_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"laborllm fit nothing failed: .*fit.log says why"):
        _run(("fit", "nothing"), tmp_path)
    assert "nothing" in (tmp_path / "fit.log").read_text()


def test_a_folder_that_is_there_is_not_written_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scale", "--sizes", "60", "--out", str(tmp_path)]) == 2
    assert "exists already" in capsys.readouterr().err
