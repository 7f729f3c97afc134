"""What pruning is measured to save and to cost, on careers that a small model reads in a moment."""

from collections.abc import Sequence

import pytest

from laborllm.bench.pruning import measure_pruning
from laborllm.errors import ModelError
from laborllm.lm.base.load import BaseModel
from laborllm.lm.scoring.scorer import Scorer
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.panel import Panel
from laborllm.text import Template, render


@pytest.fixture
def scorer(base: BaseModel, panel: Panel) -> Scorer:
    return Scorer(base, CareerEncoder(base.tokenizer, Template(), panel.taxonomy))


@pytest.fixture
def careers(scorer: Scorer, panel: Panel) -> Sequence[EncodedCareer]:
    return list(scorer.encoder.encode(render(panel, scorer.encoder.template)))[:6]


def test_nodes_and_errors_by_tolerance(scorer: Scorer, careers: Sequence[EncodedCareer]) -> None:
    tolerances = (0.3, 0.01, 0.0)
    found = measure_pruning(scorer, careers, tolerances, memory=1.0)
    assert found["scoring"].to_list() == ["tree", "pruned", "pruned", "pruned"]
    assert found["nodes"][0] == pytest.approx(scorer.trie.nodes, rel=0.1)  # but for prompts that are alike
    assert found["nodes"][1] < found["nodes"][2] <= found["nodes"][3] == found["nodes"][0]
    assert found["speed"][0] == 1
    for row, tolerance in zip(found.iter_rows(named=True), (0, *tolerances), strict=True):
        assert row["tolerance"] == tolerance
        assert row["mean_error"] <= row["largest_error"] <= row["largest_bound"] + 1e-6
        assert row["mean_bound"] <= row["largest_bound"] <= tolerance + 1e-9
    assert found["mean_error"][1] > 0


def test_no_careers_are_refused(scorer: Scorer) -> None:
    with pytest.raises(ModelError, match="no careers to score"):
        measure_pruning(scorer, [], memory=1.0)
