"""Weights in 8 bits against rounding by hand, and the cost of quantisation on models for which it is known."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from laborllm.errors import OptionError
from laborllm.lm.base.load import BaseModel
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.scoring.options import QuantisationCost, ScoringOptions, Weights
from laborllm.lm.scoring.quantisation import RECORDS, quantisation_cost, quantise_weights, quantised
from laborllm.lm.scoring.scorer import Scorer
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.models.language.specs import OffTheShelf
from laborllm.panel import Panel
from laborllm.text import Template, render

pytest.importorskip("torchao")


@pytest.fixture
def model(base: BaseModel, panel: Panel) -> TextModel:
    return TextModel(base, CareerEncoder(base.tokenizer, Template(), panel.taxonomy))


@pytest.fixture
def careers(model: TextModel, panel: Panel) -> Sequence[EncodedCareer]:
    return list(model.encoder.encode(render(panel.subset("test"), model.encoder.template)))


def layers(model: nn.Module) -> dict[str, nn.Linear]:
    return {name: each for name, each in model.named_modules() if isinstance(each, nn.Linear) and name != "lm_head"}


@torch.inference_mode()
def test_layers_are_rounded_row_by_row_to_the_largest_weight(base: BaseModel) -> None:
    before = {name: layer.weight.detach().clone() for name, layer in layers(base.model).items()}
    head = base.model.get_output_embeddings().weight.clone()
    quantise_weights(base.model)
    for name, layer in layers(base.model).items():
        scale = before[name].abs().amax(dim=1, keepdim=True) / 127
        by_hand = (before[name] / scale).round() * scale
        assert ((by_hand - before[name]).abs() <= scale / 2 * (1 + 1e-4)).all()
        unit = torch.eye(layer.in_features)
        torch.testing.assert_close(layer(unit), by_hand.T, rtol=1e-6, atol=1e-7)
    assert torch.equal(base.model.get_output_embeddings().weight, head)


def test_weights_that_eight_bits_hold_cost_nothing(model: TextModel, careers: Sequence[EncodedCareer]) -> None:
    generator = torch.Generator().manual_seed(0)
    for layer in layers(model.base.model).values():
        whole = torch.randint(-127, 128, layer.weight.shape, generator=generator).float()
        whole[:, 0] = 127
        layer.weight.data = whole * 2.0**-9
    cost = quantisation_cost(Scorer(model), Scorer(quantised(model, "8-bit")), "8-bit", careers)
    assert cost.records == RECORDS
    assert cost.largest_tv == pytest.approx(0, abs=1e-6)
    assert cost.perplexity_ratio == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("weights", "products"), [("8-bit", "float32"), ("bfloat16", "bfloat16 products")])
def test_the_cost_is_that_of_the_forecasts(
    weights: Weights, products: str, base_folder: Path, panel: Panel, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a panel of as many records as the cost is measured on."""
    some = panel.subset("test").sample(4, seed=0)
    panel = Panel(some.records.head(RECORDS), some.taxonomy, some.dataset, some.provenance)
    model = OffTheShelf(base=str(base_folder)).fit(panel)
    exact, raw = model.forecast(panel), model.log_likelihood(panel)
    capsys.readouterr()  # transformers shows how it loads weights
    scoring = ScoringOptions(weights=weights, max_tv=1, max_log_ppl_shift=math.inf)
    changed = model.forecast(panel, scoring=scoring)
    off = np.abs(np.exp(exact.log_prob) - np.exp(changed.log_prob)).sum(axis=1) / 2
    cost = model.forecaster.costs[weights]
    assert cost.records == len(panel)
    assert cost.mean_tv == pytest.approx(off.mean(), abs=1e-5)
    assert cost.largest_tv == pytest.approx(off.max(), abs=1e-5)
    shift = (raw - model.log_likelihood(panel, scoring=scoring)).mean()
    assert cost.perplexity_ratio == pytest.approx(np.exp(shift), rel=1e-4)
    assert changed.method == f"tree ({products}; {cost})"
    assert capsys.readouterr().err == f"{cost}\n"  # once
    np.testing.assert_array_equal(model.forecast(panel).log_prob, exact.log_prob)  # the fitted weights are as they were


@pytest.mark.parametrize("rise", [0.06, -0.06, math.nan])
def test_raw_perplexity_has_a_limit_of_its_own(rise: float) -> None:
    """Up and down, where forecasts are as they were."""
    QuantisationCost("8-bit", RECORDS, 0.0, 0.0, math.exp(0.04)).require_within(max_tv=0.01, max_log_ppl_shift=0.05)
    with pytest.raises(OptionError, match=r"raw perplexity times .* beyond times 0\.9512 to 1\.0513 is refused"):
        QuantisationCost("8-bit", RECORDS, 0.0, 0.0, math.exp(rise)).require_within(max_tv=0.01, max_log_ppl_shift=0.05)


def test_a_model_that_eight_bits_spoil_is_refused(base_folder: Path, panel: Panel) -> None:
    """One weight of each row meets nothing but zeros, and is so large that the others are rounded away."""
    numeric = Template(titles="numeric")  # of one length each, so that a random model does not know one title alone
    model = OffTheShelf(base=str(base_folder), template=numeric).fit(panel)
    for block in model.text_model.base.model.model.layers:
        block.input_layernorm.weight.data[0] = block.post_attention_layernorm.weight.data[0] = 0
        for layer in (block.self_attn.q_proj, block.self_attn.k_proj, block.self_attn.v_proj, block.mlp.up_proj):
            layer.weight.data[:, 0] = 1e3
    with pytest.raises(OptionError, match=r"off by 0\.\d+ on average, .* more than 0\.01 on average is refused"):
        model.forecast(panel.subset("test"), scoring=ScoringOptions(weights="8-bit"))
