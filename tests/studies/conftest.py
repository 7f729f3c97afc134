"""A small panel of synthetic careers, two workers to a household, as the studies of size smoke have it."""

from pathlib import Path

import pytest

from laborllm.panel import Panel
from laborllm.studies.protocol.panels import Panels, synthetic_panels


@pytest.fixture(scope="session")
def panels(tmp_path_factory: pytest.TempPathFactory) -> Panels:
    folder: Path = tmp_path_factory.mktemp("panels")
    return synthetic_panels(("ONE", "OTHER"), 120, folder)


@pytest.fixture(scope="session")
def careers(panels: Panels) -> Panel:
    return panels("ONE")
