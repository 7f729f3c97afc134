"""What memory a fit takes, by calculation: before a model is fetched, or a cluster is asked for."""

from dataclasses import dataclass, fields
from typing import Literal

import torch
from accelerate import init_empty_weights
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel

from laborllm.lm.tuning.config import TuningConfig
from laborllm.runtime import LOGIT_ROWS, SOFTMAX_ROWS

FLOAT, HALF = 4, 2  # bytes
MOMENTS = 2  # of AdamW
BLOCKS = 2  # of layers that are gathered at a time: one is computed while the next is fetched


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes that each process takes at most while it trains, beyond what it takes before it loads a model.

    Attributes:
        weights: Its part of the weights, in float32.
        training: Its part of gradients, AdamW's moments and the best weights so far.
        gathered: Whole embeddings, output and blocks of layers while they are computed, and the gradient of a block;
            none for a single process.
        casts: Weights in bfloat16, where products are: of all of a pass, or of a block where it is recomputed.
        activations: What the backward pass needs of one forward pass.
        output: Gradients of the output layer while the loss is computed.
        logits: Of the rows whose loss is computed at a time, and their softmax.
    """

    weights: int
    training: int
    gathered: int
    casts: int
    activations: int
    output: int
    logits: int

    @property
    def total(self) -> int:
        """All of it."""
        return sum(getattr(self, part.name) for part in fields(self))


def plan_memory(
    config: PreTrainedConfig,
    tuning: TuningConfig,
    *,
    processes: int = 1,
    tokens: int,
    bfloat16: bool,
    device: Literal["cpu", "cuda"] = "cuda",
) -> MemoryPlan:
    """Calculate the memory of tuning a base model of Llama's kind.

    Args:
        config: Of the base model.
        tuning: How it is tuned; with `shard`, its processes share out all that grows with the model.
        processes: How many train together.
        tokens: In one forward pass.
        bfloat16: Whether products are in bfloat16.
        device: Where; it decides how many logits exist at a time.

    Returns:
        The bytes of each process.

    Examples:
        >>> from transformers import LlamaConfig
        >>> one = plan_memory(LlamaConfig(), TuningConfig(method="full"), tokens=4096, bfloat16=True)
        >>> round(one.weights / 1e9, 1)
        27.0
    """
    sizes = _Sizes.of(config)
    parts = processes if tuning.shard else 1
    trained = sizes.weights if tuning.method == "full" else sizes.adapter(tuning.lora_rank)
    cast = sizes.weights if parts == 1 or not tuning.recompute else sizes.block
    return MemoryPlan(
        weights=FLOAT * sizes.weights // parts,
        training=(2 + MOMENTS) * FLOAT * trained // parts,
        gathered=FLOAT * (sizes.outside + (BLOCKS + 1) * sizes.block) if parts > 1 else 0,
        casts=HALF * cast if bfloat16 else 0,
        activations=tokens * _bytes_of_token(config, bfloat16=bfloat16, recompute=tuning.recompute),
        # Measured (`python -m benchmarks memory`): three, and two where each process has a part of the third.
        output=(3 if parts == 1 else 2) * FLOAT * sizes.output if tuning.method == "full" else 0,
        logits=_bytes_of_logits(config, tokens, device, bfloat16=bfloat16),
    )


@dataclass(frozen=True)
class _Sizes:
    """Numbers of weights: of the whole model, of one block of layers, outside of blocks, of the output layer, and the
    widths of linear layers, in and out together."""

    weights: int
    block: int
    outside: int
    output: int
    widths: int

    @classmethod
    def of(cls, config: PreTrainedConfig) -> "_Sizes":
        with init_empty_weights(include_buffers=False):
            model: PreTrainedModel = AutoModelForCausalLM.from_config(
                config, dtype=torch.float32, trust_remote_code=False
            )
        model.tie_weights()
        (stack,) = (part for part in model.base_model.children() if isinstance(part, nn.ModuleList))
        blocks = [_count(block) for block in stack]
        linear = [part for part in stack.modules() if isinstance(part, nn.Linear)]
        return cls(
            weights=_count(model),
            block=max(blocks),
            outside=_count(model) - sum(blocks),
            output=_count(model.get_output_embeddings()),
            widths=sum(part.in_features + part.out_features for part in linear),
        )

    def adapter(self, rank: int) -> int:
        """Weights of an adapter of this rank on every linear layer."""
        return rank * self.widths


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _bytes_of_token(config: PreTrainedConfig, *, bfloat16: bool, recompute: bool) -> int:
    """Bytes that the backward pass needs of one token: of each layer the inputs of norms and their normalised form,
    queries, keys, values, what attention read, and four steps of the feed-forward network."""
    text = config.get_text_config()
    width, inner = text.hidden_size, text.intermediate_size
    keys = width * text.num_key_value_heads // text.num_attention_heads
    of_products = 4 * inner + 6 * width + 2 * keys
    layer = FLOAT * 4 * width + (HALF if bfloat16 else FLOAT) * of_products
    if not recompute:
        return int(text.num_hidden_layers * layer)
    return int(text.num_hidden_layers * FLOAT * width + layer)


def _bytes_of_logits(config: PreTrainedConfig, tokens: int, device: str, *, bfloat16: bool) -> int:
    rows, precise = (min(tokens, most[device]) for most in (LOGIT_ROWS, SOFTMAX_ROWS))
    in_products = HALF if bfloat16 else FLOAT
    return int(config.get_text_config().vocab_size * (rows * in_products + 2 * precise * FLOAT))
