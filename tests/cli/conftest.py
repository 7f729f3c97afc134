"""A desk to type commands at."""

from pathlib import Path

import pytest

from laborllm.panel import Panel


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, panel: Panel) -> None:
    """A folder to work in that holds panel.parquet, a panel of 60 invented workers."""
    monkeypatch.chdir(tmp_path)
    panel.save(Path("panel.parquet"))
