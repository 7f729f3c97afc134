"""Careers in windows: what a record is forecast from, and that training reads every token of a career once."""

import copy

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from laborllm.errors import CapacityError
from laborllm.lm.base.load import BaseModel
from laborllm.lm.forward.decoder import Decoder
from laborllm.lm.forward.loglikelihood import loglikelihood
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.scoring.scorer import Scorer
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer, by_worker
from laborllm.lm.tuning.finetune import pack_loss, token_importance
from laborllm.lm.tuning.truncation import truncate, within_context
from laborllm.models.language.head.inputs import head_inputs
from laborllm.models.language.head.offset import OffsetCareer
from laborllm.panel import Panel
from laborllm.text import Template, render

LAST = 2


@pytest.fixture(scope="module")
def encoder(panel: Panel, tokenizer: PreTrainedTokenizerFast) -> CareerEncoder:
    return CareerEncoder(tokenizer, Template(last_records=LAST), panel.taxonomy)


@pytest.fixture(scope="module")
def windows(panel: Panel, encoder: CareerEncoder) -> list[EncodedCareer]:
    return list(encoder.encode(render(panel, encoder.template)))


@pytest.fixture(scope="module")
def careers(panel: Panel, tokenizer: PreTrainedTokenizerFast) -> list[EncodedCareer]:
    return list(CareerEncoder(tokenizer, Template(), panel.taxonomy).encode(render(panel, Template())))


def test_every_record_is_forecast_once(windows: list[EncodedCareer], careers: list[EncodedCareer]) -> None:
    for texts, career in zip(by_worker(windows), careers, strict=True):
        titles = [text.tokens[start:end] for text in texts for start, end in zip(text.starts, text.ends, strict=True)]
        assert titles == [career.tokens[start:end] for start, end in career.places]
        assert all(len(text.history) == LAST for text in texts[1:])


@torch.inference_mode()
def test_scores_are_those_of_each_window_alone(
    windows: list[EncodedCareer], encoder: CareerEncoder, base: BaseModel
) -> None:
    own = copy.deepcopy(base.model)
    some = [window for window in windows if window.history][:6]
    model = TextModel(base, encoder)
    for window, log_prob, scores in zip(some, loglikelihood(model, some), Scorer(model).score(some), strict=True):
        tokens = torch.tensor(window.tokens)
        logits = own(tokens[None]).logits[0].double().log_softmax(dim=-1)
        (start,), (end,) = window.starts, window.ends
        expected = logits[torch.arange(start - 1, end - 1), tokens[start:end]].sum().item()
        assert log_prob == pytest.approx([expected], abs=1e-4)
        observed = encoder.title_tokens.index(window.tokens[start:end])
        assert scores.log_prob[:, observed] == pytest.approx([expected], abs=1e-4)


@pytest.mark.parametrize("text_weight", [1.0, 0.25])
def test_every_token_of_a_career_is_learnt_once(
    text_weight: float, windows: list[EncodedCareer], careers: list[EncodedCareer], encoder: CareerEncoder
) -> None:
    for texts, career in zip(by_worker(windows), careers, strict=True):
        learnt = [weight for text in texts for weight in token_importance(text, text_weight) if weight]
        assert learnt == [weight for weight in token_importance(career, text_weight) if weight]


@torch.inference_mode()
def test_the_first_window_is_learnt_as_a_career_is(windows: list[EncodedCareer], base: BaseModel) -> None:
    """And a further one by what it adds: the loss of the whole less that of the text before."""
    decoder = Decoder(base.model)
    window = next(window for window in windows if window.history)
    whole, before = (
        EncodedCareer("", tokens, (), ()) for tokens in (window.tokens, window.tokens[: window.learnt_from])
    )
    added = pack_loss(decoder, [whole]) - pack_loss(decoder, [before])
    assert pack_loss(decoder, [window]).item() == pytest.approx(added.item(), rel=1e-4)


def test_a_head_knows_what_is_in_the_window_alone(windows: list[EncodedCareer], encoder: CareerEncoder) -> None:
    known = {tokens: column for column, tokens in enumerate(encoder.title_tokens)}
    window = next(window for window in windows if window.history)
    career = OffsetCareer(**vars(window), offset=np.zeros((1, len(known) + 1), np.float32))
    inputs = head_inputs([career], encoder, torch.device("cpu"))
    held = [known[window.tokens[start:end]] for start, end in window.history]
    assert inputs.previous.tolist() == held[-1:]
    assert inputs.history[0, :, 0].nonzero()[:, 0].tolist() == sorted(set(held))


def test_a_window_is_not_truncated(panel: Panel, encoder: CareerEncoder, windows: list[EncodedCareer]) -> None:
    context = max(len(window.tokens) for window in windows)
    with pytest.raises(CapacityError, match="longer than the") as refused:
        truncate(panel, encoder, context)
    assert refused.value.hint == "lower --last-records"
    assert within_context(panel, encoder, 10 * context, "truncate") is panel
