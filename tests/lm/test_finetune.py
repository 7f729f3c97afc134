"""Fine-tuning: a pack has the loss of its careers one by one, a seed repeats, and it learns."""

import copy
import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast

from laborllm.errors import CapacityError, OptionError, PanelError, RunError
from laborllm.lm.base.load import BaseModel
from laborllm.lm.forward.decoder import Decoder
from laborllm.lm.forward.loglikelihood import loglikelihood
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.kernels import packed_attention, padding
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.lm.tuning import finetune as finetuning
from laborllm.lm.tuning.config import TuningConfig
from laborllm.lm.tuning.finetune import finetune, pack_loss
from laborllm.panel import Panel
from laborllm.text import Template, render


@pytest.fixture(scope="module")
def encoder(panel: Panel, tokenizer: PreTrainedTokenizerFast) -> CareerEncoder:
    return CareerEncoder(tokenizer, Template(), panel.taxonomy)


@pytest.fixture(scope="module")
def careers(panel: Panel, encoder: CareerEncoder) -> list[EncodedCareer]:
    return list(encoder.encode(render(panel, Template())))


METHODS = {
    "one by one": (padding, "PADDED_DEVICES", set()),
    "padded": (padding, "PADDED_DEVICES", {"cpu"}),
    "by blocks": (packed_attention, "BLOCKED", {("cpu", torch.float64)}),
}


@pytest.mark.parametrize("method", METHODS)
def test_packed_loss_and_gradient_are_those_of_careers_one_by_one(
    method: str,
    base: BaseModel,
    encoder: CareerEncoder,
    careers: list[EncodedCareer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The oracle runs the model as transformers does, a career at a time, in float64."""
    monkeypatch.setattr(*METHODS[method])
    oracle = copy.deepcopy(base.model).double()
    expected = torch.zeros((), dtype=torch.float64)
    for career in careers[:5]:
        tokens = torch.tensor(career.tokens)
        expected = expected + cross_entropy(oracle(tokens[None]).logits[0, :-1], tokens[1:], reduction="sum")
    expected.backward()
    model = TextModel(BaseModel("tiny", base.model.double(), base.tokenizer), encoder)
    loss = pack_loss(model.decoder, careers[:5])
    loss.backward()
    torch.testing.assert_close(loss.double(), expected, rtol=1e-6, atol=0)
    for ours, theirs in zip(model.base.model.parameters(), oracle.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=1e-5)


def test_weighing_titles_alone_is_the_loss_that_scoring_measures(
    base: BaseModel, encoder: CareerEncoder, careers: list[EncodedCareer]
) -> None:
    model = TextModel(base, encoder)
    observed = -sum(log_prob.sum() for log_prob in loglikelihood(model, careers[:5]))
    with torch.no_grad():
        titles, half, text = (pack_loss(model.decoder, careers[:5], text_weight=w).item() for w in (0.0, 0.5, 1.0))
    assert titles == pytest.approx(observed, rel=1e-5)
    assert half == pytest.approx((titles + text) / 2, rel=1e-5)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_training_lowers_the_perplexity_of_titles(
    method: str, base: BaseModel, encoder: CareerEncoder, careers: list[EncodedCareer]
) -> None:
    config = TuningConfig(method=method, epochs=4, learning_rate=1e-2, validate_every=20)  # type: ignore[arg-type]
    model = TextModel(base, encoder)
    curve, adapter = finetune(model, careers, careers[:10], config, seed=0)
    assert (adapter is None) == (method == "full")
    assert curve[-1].careers == 4 * len(careers)
    assert curve[-1].tokens == 4 * sum(len(career.tokens) for career in careers)
    best = min(point.valid_perplexity for point in curve)
    assert best < curve[0].valid_perplexity / 10
    log_prob = np.concatenate(list(loglikelihood(model, careers[:10])))
    assert np.exp(-log_prob.mean()) == pytest.approx(best, rel=1e-3)  # the best weights are those kept


def test_a_seed_repeats_and_another_differs(
    base: BaseModel, encoder: CareerEncoder, careers: list[EncodedCareer]
) -> None:
    config = TuningConfig(learning_rate=1e-2, validate_every=20)

    def trained(seed: int) -> list[float]:
        model = TextModel(BaseModel("copy", copy.deepcopy(base.model), base.tokenizer), encoder)
        curve, _ = finetune(model, careers[:20], careers[:3], config, seed=seed)
        return [point.valid_perplexity for point in curve]

    assert trained(1) == trained(1)
    assert trained(1) != trained(2)


@pytest.mark.parametrize(("train", "valid"), [(0, 3), (3, 0)])
def test_an_empty_split_is_refused(
    train: int, valid: int, base: BaseModel, encoder: CareerEncoder, careers: list[EncodedCareer]
) -> None:
    with pytest.raises(PanelError, match="at least one career"):
        finetune(TextModel(base, encoder), careers[:train], careers[:valid], TuningConfig(), seed=0)


def test_a_loss_that_is_not_finite_stops_training(
    base: BaseModel, encoder: CareerEncoder, careers: list[EncodedCareer]
) -> None:
    model = TextModel(base, encoder)
    base.model.get_output_embeddings().weight.data.fill_(math.nan)
    with pytest.raises(RunError, match="is nan before any step: the initial weights"):
        finetune(model, careers[:4], careers[:2], TuningConfig(), seed=0)


def test_activation_checkpointing_changes_nothing(
    base: BaseModel, encoder: CareerEncoder, careers: list[EncodedCareer]
) -> None:
    config = TuningConfig(method="full", learning_rate=1e-2)

    def trained(config: TuningConfig) -> torch.Tensor:
        model = copy.deepcopy(base.model)
        text_model = TextModel(BaseModel("copy", model, base.tokenizer), encoder)
        finetune(text_model, careers[:8], careers[:3], config, seed=0)
        return torch.cat([parameter.flatten() for parameter in model.parameters()])

    torch.testing.assert_close(trained(dataclasses.replace(config, recompute=True)), trained(config))


def test_a_pass_that_memory_does_not_hold_is_halved(
    base: BaseModel, encoder: CareerEncoder, careers: list[EncodedCareer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The allocator itself refuses: a petabyte is asked for with any pass that is longer than a career."""
    whole_loss, longest = pack_loss, max(len(career.tokens) for career in careers)

    def loss_in_small_memory(decoder: Decoder, texts: list[EncodedCareer], **options: float) -> torch.Tensor:
        loss = whole_loss(decoder, texts, **options)
        return loss if sum(len(text.tokens) for text in texts) <= longest else loss + torch.empty(2**50).sum()

    def trained(pack_tokens: int) -> torch.Tensor:
        model = copy.deepcopy(base.model)
        config = TuningConfig(method="full", learning_rate=1e-2, batch_size=6, pack_tokens=pack_tokens)
        text_model = TextModel(BaseModel("copy", model, base.tokenizer), encoder)
        finetune(text_model, careers[:18], careers[:3], config, seed=0)
        return torch.cat([parameter.flatten() for parameter in model.parameters()])

    expected = trained(1)
    monkeypatch.setattr(finetuning, "pack_loss", loss_in_small_memory)
    torch.testing.assert_close(trained(1024), expected)


@pytest.mark.parametrize(
    ("choice", "hint"),
    [
        ({}, "set --recompute or take a smaller base model"),
        ({"method": "full", "recompute": True}, "train an adapter (--method lora) or take a smaller base model"),
        ({"shard": True}, "lower --pack-tokens (it is 1024) or set --recompute or take a smaller base model"),
    ],
)
def test_a_career_that_memory_does_not_hold_is_one_line(
    choice: dict[str, Any],
    hint: str,
    base: BaseModel,
    encoder: CareerEncoder,
    careers: list[EncodedCareer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(finetuning, "pack_loss", lambda *_, **__: torch.empty(2**50))
    with pytest.raises(CapacityError, match="memory does not hold a pass of training") as refused:
        finetune(TextModel(base, encoder), careers[:4], careers[:2], TuningConfig(**choice), seed=0)
    assert refused.value.hint == hint


def test_presets_are_what_is_not_given() -> None:
    paper = TuningConfig.preset("paper")
    assert (paper.method, paper.epochs, paper.batch_size, paper.learning_rate) == ("full", 3, 32, 1e-5)
    own = TuningConfig.preset("paper", epochs=1, method="lora")
    assert (own.method, own.epochs, own.batch_size, own.learning_rate) == ("lora", 1, 32, 2e-3)
    assert TuningConfig(**dataclasses.asdict(own)) == own


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(OptionError, match="use small, paper, head"):
        TuningConfig.preset("huge")


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"method": "half"}, "use lora or full"),
        ({"batch_size": 0}, "batch-size must be above zero"),
        ({"learning_rate": -1.0}, "learning-rate must be above zero"),
        ({"warmup": 2.0}, "between 0 and 1"),
        ({"text_weight": -0.5}, "text-weight is a weight between 0 and 1"),
    ],
)
def test_a_bad_option_is_refused(choice: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        TuningConfig(**choice)  # type: ignore[arg-type]
