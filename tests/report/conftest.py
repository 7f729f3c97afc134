"""An evaluation of synthetic models, one of them with a name that must be escaped."""

import pytest

from evaluation.synthetic import careers, two_models
from laborllm.evaluation import Evaluation, evaluate

HOSTILE = '<script>alert("x")</script> & 5% _of_ {it}'


@pytest.fixture(scope="session")
def evaluation() -> Evaluation:
    panel = careers(300)
    by = ["transition", "gender*education", "year", "history"]
    return evaluate(two_models(panel), panel, by=by, draws=200, about={"oracle": "the data-generating process"})


@pytest.fixture(scope="session")
def hostile() -> Evaluation:
    panel = careers(300)
    oracle, careless = two_models(panel).values()
    models = {"oracle": oracle, HOSTILE: careless}
    return evaluate(models, panel, by=["transition"], draws=40, about={HOSTILE: HOSTILE})
