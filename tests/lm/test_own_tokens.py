"""Titles as single tokens: scored as transformers does, trained apart from all other tokens, saved and loaded."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf

from laborllm.lm.base.load import BaseModel, load_base
from laborllm.lm.base.own_tokens import with_own_tokens
from laborllm.lm.base.weights import load_weights, save_weights
from laborllm.lm.forward.loglikelihood import loglikelihood
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.scoring.options import METHODS, ScoringOptions
from laborllm.lm.scoring.scorer import Scorer
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.lm.tuning.config import TuningConfig
from laborllm.lm.tuning.finetune import finetune
from laborllm.panel import Panel
from laborllm.text import Template, render
from lm.architectures import ARCHITECTURES

TOLERANCE = 1e-4  # nats in float32
TEMPLATE = Template()


def owning(architecture: str, tokenizer: hf.PreTrainedTokenizerFast, panel: Panel, *, tied: bool) -> TextModel:
    """A random model of few more tokens than its tokenizer has, and its own for each title."""
    torch.manual_seed(1)
    config = ARCHITECTURES[architecture](len(tokenizer) + 3).config
    config.tie_word_embeddings = tied
    model = hf.AutoModelForCausalLM.from_config(config).eval()
    base = with_own_tokens(BaseModel(architecture, model, copy.deepcopy(tokenizer)), TEMPLATE, panel.taxonomy)
    return TextModel(base, CareerEncoder(base.tokenizer, TEMPLATE, panel.taxonomy))


def written(model: TextModel, panel: Panel) -> list[EncodedCareer]:
    return list(model.encoder.encode(render(panel, TEMPLATE)))


def test_all_but_the_titles_is_written_as_before(
    tokenizer: hf.PreTrainedTokenizerFast, base: BaseModel, panel: Panel
) -> None:
    spelled = list(CareerEncoder(tokenizer, TEMPLATE, panel.taxonomy).encode(render(panel, TEMPLATE)))
    model = owning("llama", tokenizer, panel, tied=True)
    titles = dict(
        zip(CareerEncoder(tokenizer, TEMPLATE, panel.taxonomy).title_tokens, model.base.own_tokens, strict=True)
    )
    for before, own in zip(spelled, written(model, panel), strict=True):
        tokens: list[int] = []
        at = 0
        for start, end in before.places:
            tokens += [*before.tokens[at:start], titles[before.tokens[start:end]]]
            at = end
        assert own.tokens == (*tokens, *before.tokens[at:])
        assert [end - start for start, end in own.places] == [1] * len(own.places)


def weights(model: hf.PreTrainedModel) -> list[torch.Tensor]:
    """Of the embedding and of the output."""
    layers: list[torch.nn.Module] = [model.get_input_embeddings(), model.get_output_embeddings()]
    return [layer.get_parameter("weight") for layer in layers]


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("architecture", ["llama", "gemma3", "gpt2", "gpt-neox"])
def test_a_title_begins_as_the_mean_of_its_tokens(
    architecture: str, tied: bool, tokenizer: hf.PreTrainedTokenizerFast, panel: Panel
) -> None:
    model = owning(architecture, tokenizer, panel, tied=tied).base.model
    spelled = CareerEncoder(tokenizer, TEMPLATE, panel.taxonomy).title_tokens
    for weight in weights(model):
        for column, tokens in enumerate(spelled):
            torch.testing.assert_close(weight[len(tokenizer) + column], weight[list(tokens)].mean(dim=0))
    embedding, output = weights(model)
    assert (embedding is output) == tied


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_adapter_trains_titles_and_no_other_token(
    architecture: str, tied: bool, tokenizer: hf.PreTrainedTokenizerFast, panel: Panel, tmp_path: Path
) -> None:
    """And every way of scoring then equals transformers' own softmax, in the model that was trained and as loaded."""
    model = owning(architecture, tokenizer, panel, tied=tied)
    base, careers = model.base, written(model, panel)
    torch.manual_seed(1)
    config = ARCHITECTURES[architecture](len(tokenizer) + 3).config
    config.tie_word_embeddings = tied
    hf.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    before = [weight.detach().clone() for weight in weights(base.model)]
    curve, adapter = finetune(model, careers[:30], careers[30:40], TuningConfig(learning_rate=1e-2), seed=0)
    assert curve[-1].valid_perplexity < curve[0].valid_perplexity
    for old, new in zip(before, weights(base.model), strict=True):
        assert (old != new).any(dim=1).nonzero()[:, 0].tolist() == list(base.own_tokens)
    save_weights(tmp_path, BaseModel(str(tmp_path / "base"), base.model, base.tokenizer, base.own_tokens), adapter)
    loaded = load_weights(tmp_path, str(tmp_path / "base"))
    again = TextModel(loaded, CareerEncoder(loaded.tokenizer, TEMPLATE, panel.taxonomy))
    require_exact(TextModel(base, model.encoder), again, careers[3:6])


@torch.inference_mode()
def require_exact(model: TextModel, loaded: TextModel, careers: list[EncodedCareer]) -> None:
    plain = copy.deepcopy(loaded.base.model)
    plain.set_attn_implementation("eager")
    scored = [list(Scorer(model).score(careers, ScoringOptions(method))) for method in METHODS]
    again = list(Scorer(loaded).score(careers))
    for index, (career, log_prob) in enumerate(zip(careers, loglikelihood(model, careers), strict=True)):
        logits = plain(torch.tensor([career.tokens])).logits[0].double()
        exact = logits[np.array(career.starts) - 1].log_softmax(dim=-1)[:, list(model.base.own_tokens)].numpy()
        for scores in (*(way[index] for way in scored), again[index]):
            np.testing.assert_allclose(scores.log_prob, exact, atol=TOLERANCE)
        observed = [career.tokens[start] - model.base.own_tokens[0] for start in career.starts]
        np.testing.assert_allclose(log_prob, exact[range(len(observed)), observed], atol=TOLERANCE)


def test_a_model_that_has_the_tokens_is_left_as_it_is(
    tokenizer: hf.PreTrainedTokenizerFast, panel: Panel, tmp_path: Path
) -> None:
    base = owning("gpt2", tokenizer, panel, tied=True).base
    save_weights(tmp_path, base, None)
    loaded = load_base(str(tmp_path / "model"))
    again = with_own_tokens(loaded, TEMPLATE, panel.taxonomy)
    assert again.own_tokens == base.own_tokens
    torch.testing.assert_close(
        again.model.get_input_embeddings().weight, base.model.get_input_embeddings().weight, rtol=0, atol=0
    )
