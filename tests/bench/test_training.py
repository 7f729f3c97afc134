"""Side by side with SFTTrainer: all take the same steps, so all come to the same loss."""

import copy
import json
import shutil
from pathlib import Path

import pytest
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from laborllm.bench.exercise import Exercise
from laborllm.bench.trainers import flops_per_token, run
from laborllm.bench.training import measure_training
from laborllm.errors import ModelError

WEIGHTS = 2 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 48) + 400 * 32  # of the tiny model: attention, MLP, output


@pytest.fixture
def base(base_folder: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> str:
    """The tiny base model with room for 25 records, and a token to pad with, which SFTTrainer wants."""
    folder = Path(shutil.copytree(base_folder, tmp_path / "tiny"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 4096}))
    padding = copy.deepcopy(tokenizer)
    padding.pad_token = "!"
    padding.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_all_trainers_come_to_the_same_loss(method: str, base: str) -> None:
    pytest.importorskip("trl")
    exercise = Exercise(base, method, careers=4, batch_size=2)  # type: ignore[arg-type]
    ours, padded, single = (run(trainer, exercise) for trainer in ("laborllm", "sft", "sft-single"))
    assert ours.loss < ours.loss_before - 1e-3
    assert (padded.loss, single.loss) == pytest.approx((ours.loss, ours.loss), rel=1e-4)
    assert padded.tokens == ours.tokens
    packed, closed = run("sft-packed", exercise), run("laborllm-closed", exercise)
    assert (packed.loss, closed.loss) == pytest.approx((ours.loss, ours.loss), rel=0.01)  # other steps, another loss
    assert packed.steps == 2
    assert closed.flops_per_token < ours.flops_per_token


@pytest.mark.slow
def test_each_trains_in_a_process_of_its_own(base: str) -> None:
    found, matmul_rate = measure_training(Exercise(base, careers=2), ["laborllm"])
    row = found.row(0, named=True)
    assert row["trainer"] == "laborllm"
    assert row["matmul_share"] == pytest.approx(row["tokens_per_second"] * 4 * WEIGHTS / matmul_rate)
    assert 0.1 < row["memory_gb"] < 4


def test_operations_are_counted_layer_by_layer() -> None:
    config = LlamaConfig(
        vocab_size=100,
        hidden_size=8,
        intermediate_size=20,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
    )
    weights = 3 * (8 * 8 + 2 * 8 * 4 + 8 * 8 + 3 * 8 * 20)
    model = LlamaForCausalLM(config)
    assert flops_per_token(model, "full") == 6 * (weights + 100 * 8)
    assert flops_per_token(model, "lora", vocabulary=10) == 4 * (weights + 10 * 8)


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(ModelError, match="careers must be at least 1, not 0"):
        Exercise("any", careers=0)
