"""A small panel of synthetic careers, two workers to a household, as the studies of size smoke have it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from laborllm.models.sequence.specs import Career
from laborllm.panel import Panel
from laborllm.studies.protocol.models import SPECS
from laborllm.studies.protocol.panels import Panels, synthetic_panels
from laborllm.training.config import TrainingConfig


@pytest.fixture(scope="module", autouse=True)
def _narrow() -> Iterator[None]:
    """The network of every study is small and learns little: what a study does with it is the same."""
    training = TrainingConfig(epochs=2, batch_size=32, learning_rate=1e-2, validate_every=100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SPECS, "career", Career(width=8, layers=1, heads=1, training=training))
        yield


@pytest.fixture(scope="session")
def panels(tmp_path_factory: pytest.TempPathFactory) -> Panels:
    folder: Path = tmp_path_factory.mktemp("panels")
    return synthetic_panels(("ONE", "OTHER"), 120, folder)


@pytest.fixture(scope="session")
def careers(panels: Panels) -> Panel:
    return panels("ONE")
