"""Exact scoring against brute force: transformers' own attention, one pass per title, softmax in float64."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf
from numpy.typing import NDArray

from laborllm.errors import ModelError
from laborllm.lm.base import BaseModel
from laborllm.lm.encoding import CareerEncoder, EncodedCareer
from laborllm.lm.scoring import Scorer, packs
from laborllm.panel import Panel
from laborllm.text import Template, render

TOLERANCE = 1e-4  # nats in float32, on log-probabilities of about -50

COMMON: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 0,
}
GROUPED: dict[str, Any] = COMMON | {"num_key_value_heads": 2}

ARCHITECTURES: dict[str, Callable[[int], hf.PreTrainedModel]] = {
    "llama": lambda v: hf.LlamaForCausalLM(hf.LlamaConfig(vocab_size=v, **GROUPED)),
    "mistral": lambda v: hf.MistralForCausalLM(hf.MistralConfig(vocab_size=v, **GROUPED)),
    "qwen2": lambda v: hf.Qwen2ForCausalLM(hf.Qwen2Config(vocab_size=v, **GROUPED)),
    "qwen3": lambda v: hf.Qwen3ForCausalLM(hf.Qwen3Config(vocab_size=v, head_dim=8, **GROUPED)),
    "gemma3": lambda v: hf.Gemma3ForCausalLM(hf.Gemma3TextConfig(vocab_size=v, head_dim=8, **GROUPED)),
    "phi3": lambda v: hf.Phi3ForCausalLM(hf.Phi3Config(vocab_size=v, **GROUPED)),
    "gpt2": lambda v: hf.GPT2LMHeadModel(
        hf.GPT2Config(vocab_size=v, n_embd=32, n_layer=2, n_head=4, n_positions=512, bos_token_id=0, eos_token_id=0)
    ),
    "gpt-neox": lambda v: hf.GPTNeoXForCausalLM(hf.GPTNeoXConfig(vocab_size=v, **COMMON)),
}


@pytest.fixture(scope="module")
def encoder(panel: Panel, tokenizer: hf.PreTrainedTokenizerFast) -> CareerEncoder:
    return CareerEncoder(tokenizer, Template(), panel.taxonomy)


@pytest.fixture(scope="module")
def careers(panel: Panel, encoder: CareerEncoder) -> list[EncodedCareer]:
    return list(encoder.encode(render(panel, Template())))[:6]


@torch.inference_mode()
def brute_force(model: hf.PreTrainedModel, encoder: CareerEncoder, career: EncodedCareer) -> NDArray[np.float64]:
    """(T, J) log-probabilities by the model as transformers runs it."""
    table = []
    for start in career.starts:
        prompt = career.tokens[:start]
        for title in encoder.title_tokens:
            logits = model(torch.tensor([prompt + title])).logits[0, len(prompt) - 1 : -1]
            table.append(logits.double().log_softmax(-1)[range(len(title)), title].sum().item())
    return np.array(table).reshape(len(career.starts), -1)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_tree_naive_and_realised_equal_brute_force(
    architecture: str, encoder: CareerEncoder, careers: list[EncodedCareer], panel: Panel
) -> None:
    torch.manual_seed(1)
    model = ARCHITECTURES[architecture](len(encoder.tokenizer)).eval()
    expected = [brute_force(copy.deepcopy(model), encoder, career) for career in careers]
    scorer = Scorer(BaseModel(architecture, model, encoder.tokenizer), encoder)
    tree, naive = list(scorer.score(careers, "tree")), list(scorer.score(careers[:2], "naive"))
    for scores, truth in zip(tree, expected, strict=True):
        np.testing.assert_allclose(scores.log_prob, truth, atol=TOLERANCE)
        assert np.logaddexp.reduce(scores.log_prob, axis=1).max() < 1e-6  # the raw mass is at most one
    for scores, truth in zip(naive, expected, strict=False):
        np.testing.assert_allclose(scores.log_prob, truth, atol=TOLERANCE)
    for scores, slow in zip(tree, naive, strict=False):
        np.testing.assert_array_equal(scores.greedy_valid, slow.greedy_valid)
    known = {tokens: column for column, tokens in enumerate(encoder.title_tokens)}
    for career, truth, realised in zip(careers, expected, scorer.realised(careers), strict=True):
        observed = [known[career.tokens[s:e]] for s, e in zip(career.starts, career.ends, strict=True)]
        np.testing.assert_allclose(realised, truth[range(len(observed)), observed], atol=TOLERANCE)


def test_greedy_validity_follows_the_model(
    base: BaseModel, encoder: CareerEncoder, careers: list[EncodedCareer]
) -> None:
    """A model made to answer one title is valid; the same, made to answer nonsense, is not."""
    for title, valid in ((encoder.title_tokens[0], True), (encoder.title_tokens[0][:1] * 3, False)):
        scorer = Scorer(BaseModel("forced", _always(base.model, careers[0], title), base.tokenizer), encoder)
        for method in ("tree", "naive"):
            (scores,) = scorer.score(careers[:1], method)
            assert scores.greedy_valid[0] == valid


def test_soft_capped_attention_is_refused(encoder: CareerEncoder) -> None:
    model = hf.Gemma2ForCausalLM(hf.Gemma2Config(vocab_size=len(encoder.tokenizer), head_dim=8, **GROUPED)).eval()
    with pytest.raises(ModelError, match="gemma2 models cannot be scored exactly"):
        Scorer(BaseModel("gemma2", model, encoder.tokenizer), encoder)


def test_a_changed_head_is_refused(encoder: CareerEncoder) -> None:
    config = hf.CohereConfig(vocab_size=len(encoder.tokenizer), logit_scale=0.5, **GROUPED)
    with pytest.raises(ModelError, match="changes its logits"):
        Scorer(BaseModel("cohere", hf.CohereForCausalLM(config).eval(), encoder.tokenizer), encoder)


def test_a_career_longer_than_the_window_is_refused(encoder: CareerEncoder, careers: list[EncodedCareer]) -> None:
    config = hf.MistralConfig(vocab_size=len(encoder.tokenizer), sliding_window=16, **GROUPED)
    scorer = Scorer(BaseModel("short", hf.MistralForCausalLM(config).eval(), encoder.tokenizer), encoder)
    with pytest.raises(ModelError, match="longer than the model's 16"):
        list(scorer.score(careers[:1]))


def test_packs_keep_order_and_limit() -> None:
    lengths = [5, 5, 3, 20, 1, 1, 9]
    found = list(packs(lengths, 10))
    assert [index for pack in found for index in pack] == list(range(len(lengths)))
    assert all(len(pack) == 1 or sum(lengths[index] for index in pack) <= 10 for pack in found)


def _always(model: hf.PreTrainedModel, career: EncodedCareer, title: tuple[int, ...]) -> hf.PreTrainedModel:
    """The model with an output that depends on the last token alone: the chain prompt -> title[0] -> title[1] ..."""
    forced = copy.deepcopy(model)
    forced.model.layers = torch.nn.ModuleList()
    forced.config.num_hidden_layers = 0
    follows = dict(zip((career.tokens[career.starts[0] - 1], *title[:-1]), title, strict=True))
    vocabulary, width = forced.lm_head.weight.shape
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(vocabulary, width, generator=generator), dim=-1)
    with torch.no_grad():
        forced.model.embed_tokens.weight.copy_(directions)
        forced.lm_head.weight.zero_()
        for token, successor in follows.items():
            forced.lm_head.weight[successor] += directions[token]
    return forced
