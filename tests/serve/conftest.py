"""A server around a small model of invented careers, asked in the same process."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

import laborllm as ll
from laborllm.models.contract import Fitted
from laborllm.occupations.coding.titles import Titles
from laborllm.serve import Served, Settings, create_app
from laborllm.training.config import TrainingConfig

OPEN = Settings(rate=1e6, burst=10**6)
BASE = "http://127.0.0.1"


@pytest.fixture(scope="session")
def fitted() -> Fitted:
    """A logit of 300 invented careers over occ1990dd, which reads covariates."""
    panel = ll.import_synthetic(300, seed=3)
    quick = TrainingConfig(epochs=1, batch_size=64, learning_rate=1e-2, validate_every=10_000)
    return ll.fit(ll.Logit(quick), panel)


@pytest.fixture(scope="session")
def served(fitted: Fitted) -> Served:
    return Served("invented", fitted, Titles.of(fitted.record.taxonomy))


@pytest.fixture(scope="session")
def client(served: Served) -> Iterator[TestClient]:
    """A client without limits of rate."""
    with TestClient(create_app(served, OPEN), base_url=BASE) as found:
        yield found


def career(*titles: str, first: int = 2020, **more: object) -> dict[str, object]:
    """A career with one record a year."""
    return {"records": [{"year": first + at, "title": title} for at, title in enumerate(titles)], **more}
