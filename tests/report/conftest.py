"""An evaluation of synthetic models, one of them with a name that must be escaped."""

import pytest

from evaluation.synthetic import three_models
from laborllm.evaluation import Evaluation, evaluate

HOSTILE = '<script>alert("x")</script> & 5% _of_ {it}'


@pytest.fixture(scope="session")
def evaluation() -> Evaluation:
    return evaluate(three_models(), draws=200, about={"truth": "the law itself"})


@pytest.fixture(scope="session")
def hostile() -> Evaluation:
    models = three_models()
    return evaluate({"truth": models["truth"], HOSTILE: models["careless"]}, draws=40, about={HOSTILE: HOSTILE})
