"""Models of counts, fitted once on the invented careers."""

import pytest

from laborllm.models.contract import Fitted
from laborllm.models.counts.specs import Transition
from laborllm.panel import Panel


@pytest.fixture(scope="package", params=["two-part", "plain", "second-order"])
def counts(request: pytest.FixtureRequest, panel: Panel) -> Fitted:
    """Transition frequencies, in each variant."""
    return Transition(variant=request.param).fit(panel)


@pytest.fixture(scope="package")
def two_part(panel: Panel) -> Fitted:
    return Transition().fit(panel)
