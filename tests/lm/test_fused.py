"""Layers in fewer steps are those of peft and transformers: the same loss and the same gradients."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from laborllm.lm.base.load import BaseModel
from laborllm.lm.base.weights import add_adapter
from laborllm.lm.forward.decoder import Decoder
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.kernels.fused import fused_layers
from laborllm.lm.kernels.precision import cached_casts
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.lm.tuning.finetune import pack_loss
from laborllm.panel import Panel
from laborllm.text import Template, render
from lm.architectures import ARCHITECTURES

WHOLE = {"llama", "mistral", "qwen2", "qwen3", "gemma3"}  # attention layers as one, not only their parts


@pytest.fixture(scope="module")
def encoder(panel: Panel, tokenizer: PreTrainedTokenizerFast) -> CareerEncoder:
    return CareerEncoder(tokenizer, Template(), panel.taxonomy)


@pytest.fixture(scope="module")
def careers(panel: Panel, encoder: CareerEncoder) -> list[EncodedCareer]:
    return list(encoder.encode(render(panel, Template())))[:4]


def adapted(architecture: str, encoder: CareerEncoder, dtype: torch.dtype) -> tuple[PreTrainedModel, Decoder]:
    torch.manual_seed(0)
    made: torch.nn.Module = ARCHITECTURES[architecture](len(encoder.tokenizer))
    model: PreTrainedModel = made.to(dtype).eval()  # type: ignore[assignment]
    decoder = TextModel(BaseModel(architecture, model, encoder.tokenizer), encoder).decoder
    add_adapter(model, 3)
    for parameter in trained(model):
        torch.nn.init.normal_(parameter, std=0.1)
    return model, decoder


def trained(model: PreTrainedModel) -> list[torch.nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def loss_and_gradients(model: PreTrainedModel, decoder: Decoder, careers: list[EncodedCareer]) -> list[torch.Tensor]:
    loss = pack_loss(decoder, careers)
    return [loss.detach(), *torch.autograd.grad(loss, trained(model))]


def replaced(model: PreTrainedModel) -> set[str]:
    return {type(layer).__name__ for layer in model.modules() if "forward" in vars(layer)}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-4), (torch.float32, 2e-3)])  # norms are in float32
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_equals_peft(
    architecture: str, dtype: torch.dtype, tolerance: float, encoder: CareerEncoder, careers: list[EncodedCareer]
) -> None:
    model, decoder = adapted(architecture, encoder, dtype)
    theirs = loss_and_gradients(model, decoder, careers)
    with fused_layers(model):
        names = replaced(model)
        ours = loss_and_gradients(model, decoder, careers)
    assert bool(names) == (architecture != "gpt2")
    assert any(name.endswith("Attention") for name in names) == (architecture in WHOLE)
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(loss_and_gradients(model, decoder, careers), theirs, rtol=0, atol=0)  # as before


def test_is_as_near_as_peft_in_bfloat16(encoder: CareerEncoder, careers: list[EncodedCareer]) -> None:
    model, decoder = adapted("llama", encoder, torch.float32)
    precise = loss_and_gradients(model, decoder, careers)
    decoder.autocast = True
    theirs = loss_and_gradients(model, decoder, careers)
    with fused_layers(model), cached_casts():
        ours = loss_and_gradients(model, decoder, careers)

    def distance(found: list[torch.Tensor]) -> float:
        return math.hypot(*(float((a - b).norm()) for a, b in zip(found[1:], precise[1:], strict=True)))

    assert ours[0].item() == pytest.approx(precise[0].item(), rel=1e-2)
    assert distance(ours) < 1.1 * distance(theirs)


def times(factor: Callable[..., float]) -> Callable[[type], type]:
    """A class of layers whose output, or the first of them, is multiplied."""

    def multiplied(kind: type) -> type:
        def forward(self: Any, *given: Any, **named: Any) -> Any:
            output = kind.forward(self, *given, **named)  # type: ignore[attr-defined]
            by = factor(**named)
            return (output[0] * by, *output[1:]) if isinstance(output, tuple) else output * by

        return type(kind.__name__, (kind,), {"forward": forward})

    return multiplied


@pytest.mark.parametrize(
    "change",
    [
        times(lambda **_: 2.0),
        times(lambda position_ids, **_: 1.0 + float(position_ids.max() > 500)),  # of 512
    ],
)
def test_a_layer_that_only_looks_alike_stays_itself(
    change: Callable[[type], type], encoder: CareerEncoder, careers: list[EncodedCareer]
) -> None:
    model, decoder = adapted("llama", encoder, torch.float64)
    alike, layer = (block.self_attn for block in model.base_model.layers)  # type: ignore[union-attr]
    layer.__class__ = change(type(layer))
    theirs = loss_and_gradients(model, decoder, careers)
    with fused_layers(model):
        assert "forward" not in vars(layer)
        assert "forward" in vars(alike)
        torch.testing.assert_close(loss_and_gradients(model, decoder, careers), theirs, rtol=1e-4, atol=1e-4)
