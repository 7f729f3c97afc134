"""Engines are timed on a few careers, and compared byte for byte."""

from pathlib import Path

import pytest

from benchmarks.engines import LOCAL, VERBS, measure_engines


@pytest.mark.slow
def test_a_row_for_each_verb_and_engine(tmp_path: Path) -> None:
    found = measure_engines(60, tmp_path, engines=LOCAL)
    assert found["verb"].to_list() == [verb for verb in VERBS for _ in LOCAL]
    assert found["same_bytes"].all()
    assert (found["workers_per_second"] * found["seconds"]).round(6).to_list() == [60.0] * len(found)
    assert not list(tmp_path.glob("result*"))
    again = measure_engines(60, tmp_path, engines=LOCAL)
    assert again["seconds"].to_list() == found["seconds"].to_list()


@pytest.mark.slow
def test_a_result_with_other_bytes_is_told(tmp_path: Path) -> None:
    """Two processes measured before, whose result differed."""
    measure_engines(60, tmp_path, engines={"one process": ()})
    with (tmp_path / "measured.jsonl").open("a") as file:
        file.write('["forecast", "two processes", 2.0, "other"]\n')
    found = measure_engines(60, tmp_path, engines={"one process": ()})
    assert found.filter(engine="two processes")["same_bytes"].to_list() == [False]
    assert found.filter(engine="one process")["same_bytes"].all()
