"""What simulating is measured to take, on few paths."""

import json
from pathlib import Path

import pytest

from benchmarks.simulation import YEARS, measure_simulation


def test_a_row_for_each_model_and_method() -> None:
    found = measure_simulation(2, 50, share_again=0.04)
    assert found["method"].to_list() == ["state carried along", "forecast again"] * 2
    assert found["paths"].to_list() == [100, 4] * 2
    rate = found["paths"] * YEARS / found["seconds"]
    assert found["records_per_second"].to_list() == rate.to_list()


@pytest.mark.slow
def test_a_language_model_as_it_comes(own_base_folder: Path) -> None:
    config = own_base_folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"max_position_embeddings": 4096}))
    found = measure_simulation(1, 2, years=1, base=str(own_base_folder), share_again=0.5)
    assert found["model"].to_list() == [str(own_base_folder)] * 2
    assert found["paths"].to_list() == [2, 1]
    assert found["records_per_second"].to_list() == (found["paths"] / found["seconds"]).to_list()
