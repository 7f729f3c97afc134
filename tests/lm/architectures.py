"""Small random models of every architecture that is supported."""

from collections.abc import Callable
from typing import Any

import transformers as hf

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
