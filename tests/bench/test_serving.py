"""What a server is measured to answer, for moments."""

from pathlib import Path

import pytest

import laborllm as ll
from benchmarks.serving import CLIENTS, OVERLOAD, measure_serving


@pytest.mark.slow
def test_rows_for_clients_overload_and_time(tmp_path: Path) -> None:
    """An overloaded server refuses some and answers others, fails nobody, and answers all again afterwards."""
    ll.fit("transition", ll.import_synthetic(50), out=tmp_path / "run")
    found = measure_serving(tmp_path / "run", seconds=0.5, soak=0.5)
    assert found.filter(clients=OVERLOAD)["what"].to_list() == ["overload, answered", "overload, refused"]
    assert found.filter(what="forecast")["clients"].to_list() == list(CLIENTS)
    assert found["failed"].sum() == 0
    assert found.filter(what="overload, refused")["refused"][0] > 0
    assert found.filter(what="overload, answered")["requests_per_second"][0] > 0
    assert found.filter(what="forecast after overload")["refused"][0] == 0
