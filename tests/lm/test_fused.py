"""Layers in one step are those of peft and transformers: the same loss and the same gradients."""

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from laborllm.lm.base import BaseModel
from laborllm.lm.encoding import CareerEncoder
from laborllm.lm.finetune import pack_loss
from laborllm.lm.fused import fused_layers
from laborllm.lm.scoring import Scorer
from laborllm.lm.weights import add_adapter
from laborllm.panel import Panel
from laborllm.text import Template, render
from lm.architectures import ARCHITECTURES


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_equals_peft(architecture: str, panel: Panel, tokenizer: PreTrainedTokenizerFast) -> None:
    torch.manual_seed(0)
    encoder = CareerEncoder(tokenizer, Template(), panel.taxonomy)
    careers = list(encoder.encode(render(panel, Template())))[:4]
    model = ARCHITECTURES[architecture](len(tokenizer)).double().eval()
    scorer = Scorer(BaseModel(architecture, model, tokenizer), encoder)
    adapted = add_adapter(model, 3)
    trained = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
    for parameter in trained:
        torch.nn.init.normal_(parameter, std=0.1)

    def loss_and_gradients() -> list[torch.Tensor]:
        loss = pack_loss(scorer.reader, careers)
        return [loss, *torch.autograd.grad(loss, trained)]

    theirs = loss_and_gradients()
    with fused_layers(model):
        assert any("forward" in vars(layer) for layer in model.modules()) == (architecture != "gpt2")
        ours = loss_and_gradients()
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)  # norms are in float32
    torch.testing.assert_close(loss_and_gradients(), theirs, rtol=0, atol=0)  # and nothing stays behind
