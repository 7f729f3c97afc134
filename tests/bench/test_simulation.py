"""What simulating is measured to take, on few paths."""

from benchmarks.simulation import YEARS, measure_simulation


def test_a_row_for_each_model_and_method() -> None:
    found = measure_simulation(2, 50, share_again=0.04)
    assert found["method"].to_list() == ["state carried along", "forecast again"] * 2
    assert found["paths"].to_list() == [100, 4] * 2
    rate = found["paths"] * YEARS / found["seconds"]
    assert found["records_per_second"].to_list() == rate.to_list()
