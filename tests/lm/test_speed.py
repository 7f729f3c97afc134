"""The measurement of speed: it measures the same numbers, on careers that look like careers."""

from pathlib import Path

import polars as pl
import pytest

from laborllm.errors import ModelError
from laborllm.lm import speed


def test_every_method_gives_the_numbers_of_naive(base_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "RECORDS", 3)  # the small model reads 512 tokens
    measured = speed.measure_scoring(str(base_folder), careers=2)
    assert dict(measured.select("method", "records").iter_rows()) == {"realised": 6, "tree": 6, "naive": 1}
    assert measured["off_by"].max() == pytest.approx(0, abs=1e-4)
    assert (measured["seconds"] > 0).all()


def test_made_up_careers_stay_about_as_often_as_people() -> None:
    records = speed.made_up_careers(400, seed=0).records
    stays = records.select((pl.col("occupation") == pl.col("occupation").shift()).over("worker")).to_series()
    assert stays.mean() == pytest.approx(speed.STAY, abs=0.03)
    assert speed.made_up_careers(2, seed=0).fingerprint != speed.made_up_careers(2, seed=1).fingerprint


def test_at_least_one_career_is_needed() -> None:
    with pytest.raises(ModelError, match="cannot score 0 careers"):
        speed.measure_scoring("smollm2-135m", careers=0)
