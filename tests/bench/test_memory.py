"""The memory benchmark: what torch holds is what was calculated, within 15 %."""

from pathlib import Path

import pytest

from benchmarks import memory


@pytest.mark.slow
def test_a_small_model_takes_about_what_was_calculated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SHAPES", {"13M": (192, 4, 512, 3)})
    found = memory.measure_memory(tmp_path)
    assert found["processes"].to_list() == [1, 2]
    assert found["ratio"].is_between(1 / 1.15, 1.15).all()
    assert (found["resident"] > found["tensors"]).all()
