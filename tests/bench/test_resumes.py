"""Stages are measured once each, in processes of their own, on files that are there."""

from pathlib import Path

import polars as pl
import pytest

from benchmarks.resumes import PACK, STAGES, measure_resumes, pack, write_tokens


@pytest.mark.slow
def test_every_stage(tmp_path: Path) -> None:
    found = measure_resumes([60], tmp_path)
    assert found["stage"].to_list() == list(STAGES)
    assert found["people"].to_list() == 4 * [60]
    assert found["peak"].is_between(2e7, 4e9).all()
    assert (found["seconds"] > 0).all()
    assert measure_resumes([60], tmp_path).equals(found)
    panel, tokens = tmp_path / "60" / "panel.parquet", tmp_path / "60" / "tokens"
    store = write_tokens(panel, tokens)
    assert sum(len(text.starts) for text in store) == pl.read_parquet(panel).height
    fewest = sum(len(text.tokens) for text in store) / PACK
    assert fewest <= pack(panel, tokens) <= len(store)
