"""The memory of a fit by hand: twenty bytes for each weight that is trained, in parts, and what a pass takes."""

from typing import Literal

import pytest
from transformers import LlamaConfig

from laborllm.lm.tuning.config import TuningConfig
from laborllm.lm.tuning.memory_plan import plan_memory

SEVEN = LlamaConfig()  # 32 layers of width 4,096 and inner width 11,008; 32,000 tokens, the output a layer of its own
BLOCK = 4 * 4096**2 + 3 * 4096 * 11_008 + 2 * 4096
OUTSIDE = 2 * 32_000 * 4096 + 4096
THIRTEEN = LlamaConfig(hidden_size=5120, intermediate_size=13_824, num_hidden_layers=40, num_attention_heads=40)
FULL = TuningConfig(method="full", shard=True)


def test_seven_billion_weights_alone() -> None:
    plan = plan_memory(SEVEN, FULL, tokens=1, bfloat16=False)
    weights = OUTSIDE + 32 * BLOCK
    assert weights == 6_738_415_616  # as published
    assert (plan.weights, plan.training) == (4 * weights, 16 * weights)
    assert (plan.gathered, plan.casts) == (0, 0)
    assert plan.output == 3 * 4 * 32_000 * 4096
    assert plan.logits == 32_000 * (4 + 2 * 4)
    assert plan.total == plan.weights + plan.training + plan.output + plan.activations + plan.logits


@pytest.mark.parametrize(("device", "tokens", "size"), [("cpu", 1024, 256 * 2 + 16 * 8), ("cuda", 8192, 4096 * 10)])
def test_logits_exist_for_some_rows_and_their_softmax_for_fewer(
    device: Literal["cpu", "cuda"], tokens: int, size: int
) -> None:
    plan = plan_memory(SEVEN, FULL, tokens=tokens, bfloat16=True, device=device)
    assert plan.logits == 32_000 * size


@pytest.mark.parametrize(("config", "weights"), [(SEVEN, 6_738_415_616), (THIRTEEN, 13_015_864_320)])
def test_processes_share_out_what_grows_with_the_model(config: LlamaConfig, weights: int) -> None:
    plan = plan_memory(config, FULL, processes=8, tokens=1, bfloat16=False)
    assert plan.weights + plan.training == 20 * weights // 8


def test_what_is_computed_is_whole() -> None:
    """Embedding and output, two blocks, and the gradient of one; two gradients of the output."""
    plan = plan_memory(SEVEN, FULL, processes=8, tokens=1, bfloat16=False)
    assert plan.gathered == 4 * (OUTSIDE + 3 * BLOCK)
    assert plan.output == 2 * 4 * 32_000 * 4096


@pytest.mark.parametrize(("recompute", "cast"), [(False, OUTSIDE + 32 * BLOCK), (True, BLOCK)])
def test_casts_of_shards_live_as_long_as_a_block_is_computed(recompute: bool, cast: int) -> None:
    tuning = TuningConfig(method="full", shard=True, recompute=recompute)
    assert plan_memory(SEVEN, tuning, processes=8, tokens=1, bfloat16=True).casts == 2 * cast
    assert plan_memory(SEVEN, tuning, tokens=1, bfloat16=True).casts == 2 * (OUTSIDE + 32 * BLOCK)


def test_without_shards_each_process_holds_all() -> None:
    tuning = TuningConfig(method="full")
    assert plan_memory(SEVEN, tuning, processes=8, tokens=1, bfloat16=False) == plan_memory(
        SEVEN, tuning, tokens=1, bfloat16=False
    )


def test_an_adapter_trains_little() -> None:
    """Rank times the widths, in and out, of seven linear layers a block."""
    plan = plan_memory(SEVEN, TuningConfig(method="lora", lora_rank=8), tokens=1, bfloat16=False)
    widths = 4 * (4096 + 4096) + 3 * (4096 + 11_008)
    assert plan.training == 16 * 8 * 32 * widths
    assert plan.weights == 4 * 6_738_415_616
    assert plan.output == 0


def test_recomputing_keeps_the_input_of_each_block() -> None:
    """Of a token: twelve layers' worth of activations become one layer's, and the inputs of twelve."""
    config = LlamaConfig(hidden_size=64, intermediate_size=160, num_hidden_layers=12, num_attention_heads=4)
    whole, less = (
        plan_memory(config, TuningConfig(method="full", recompute=recompute), tokens=100, bfloat16=False).activations
        for recompute in (False, True)
    )
    assert less == whole / 12 + 100 * 12 * 4 * 64
