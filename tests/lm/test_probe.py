"""Every architecture of transformers that we know of is scored as by its own forward pass, or refused by name."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from laborllm.errors import InputError
from laborllm.lm.base.load import BaseModel
from laborllm.lm.forward.decoder import Decoder
from laborllm.lm.forward.probe import attend_by_patterns
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.kernels.attention import context_length
from laborllm.lm.kernels.fused import fused_layers
from laborllm.lm.scoring.scorer import Scorer
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.lm.tuning.finetune import pack_loss
from laborllm.panel import Panel
from laborllm.text import Template, render

TOLERANCE = 1e-4  # nats in float32
SMALL: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "word_embed_proj_dim"), 32),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "n_inner", "encoder_ffn_dim", "decoder_ffn_dim"), 48),
    **dict.fromkeys(("num_hidden_layers", "num_layers", "n_layer", "n_layers", "encoder_layers", "decoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "num_heads", "n_head", "n_heads"), 4),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 4),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len"), 512),
    **dict.fromkeys(("num_local_experts", "num_experts", "n_routed_experts", "state_size"), 4),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 16),
    **dict.fromkeys(("head_dim", "rotary_dim", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim"), 8),
    **dict.fromkeys(("kv_lora_rank", "q_lora_rank"), 8),
    **dict.fromkeys(("initializer_range", "init_std"), 0.2),
    **dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), 0),
    **dict.fromkeys(("n_group", "topk_group", "first_k_dense_replace", "n_shared_experts"), 1),
    "num_key_value_heads": 2,
    "num_experts_per_tok": 2,
    "is_decoder": True,
}
OTHERS: dict[str, dict[str, Any]] = {
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 256},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
}
EXACT = [
    "afmoe",
    "apertus",
    "arcee",
    "aria_text",
    "bert-generation",
    "biogpt",
    "bitnet",
    "cwm",
    "dots1",
    "ernie4_5",
    "ernie4_5_moe",
    "exaone4",
    "exaone_moe",
    "flex_olmo",
    "gemma",
    "gemma3_text",
    "glm",
    "glm4",
    "glm4_moe",
    "gpt-sw3",
    "gpt2",
    "gpt_bigcode",
    "gpt_neox",
    "granite",
    "granitemoe",
    "granitemoeshared",
    "helium",
    "hunyuan_v1_dense",
    "hunyuan_v1_moe",
    "hy_v3",
    "hyperclovax",
    "internlm3",
    "iquestcoder",
    "jais2",
    "jetmoe",
    "kolibri1",
    "llama",
    "mellum",
    "minimax_m2",
    "ministral",
    "ministral3",
    "mistral",
    "mixtral",
    "moshi",
    "olmo",
    "olmo2",
    "olmo3",
    "olmoe",
    "opt",
    "persimmon",
    "phi",
    "phi3",
    "phimoe",
    "qwen2",
    "qwen2_moe",
    "qwen3",
    "qwen3_moe",
    "seed_oss",
    "smollm3",
    "solar_open",
    "starcoder2",
]
REFUSED = [
    "axk1",
    "axk2",
    "bailing_hybrid",
    "bart",
    "beam",
    "bert",
    "big_bird",
    "bigbird_pegasus",
    "blenderbot",
    "blenderbot-small",
    "bloom",
    "camembert",
    "codegen",
    "cohere",
    "cohere2",
    "cohere2_moe",
    "cpmant",
    "data2vec-text",
    "deepseek_v2",
    "deepseek_v3",
    "deepseek_v32",
    "deepseek_v4",
    "diffllama",
    "doge",
    "electra",
    "ernie",
    "falcon",
    "falcon_h1",
    "falcon_mamba",
    "flint",
    "gemma2",
    "git",
    "glm4_moe_lite",
    "glm_moe_dsa",
    "gpt_neo",
    "gpt_neox_japanese",
    "gpt_oss",
    "gptj",
    "granite_swa",
    "granitemoe_swa",
    "hrm_text",
    "hy_v4",
    "inkling2_text",
    "inkling_text",
    "jamba",
    "kimi_linear",
    "lfm2",
    "lfm3",
    "llama4_text",
    "longcat_flash",
    "mamba",
    "marian",
    "mbart",
    "megatron-bert",
    "mimo_v2_flash",
    "minicpm3",
    "minimax",
    "modernbert-decoder",
    "mpt",
    "mvp",
    "nanochat",
    "nemotron",
    "nemotron_h",
    "olmo_hybrid",
    "openai-gpt",
    "pegasus",
    "plbart",
    "qwen3_5_moe_text",
    "qwen3_5_text",
    "qwen3_next",
    "qwen4_exp_text",
    "recurrent_gemma",
    "rembert",
    "roberta",
    "roberta-prelayernorm",
    "roc_bert",
    "roformer",
    "rwkv",
    "stablelm",
    "trocr",
    "vaultgemma",
    "whisper",
    "xglm",
    "xlm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
    "youtu",
]


OFTEN = {"gemma3_text", "gpt2", "gpt_neox", "llama", "mistral", "phi3", "qwen2", "qwen3"}
OFTEN |= {"bert", "bloom", "cohere", "gpt_neo", "gptj", "lfm2", "mamba", "stablelm"}
"""Tried every time; the others where there is time for the slow tests."""


def often_or_slowly(kinds: list[str]) -> list[Any]:
    return [kind if kind in OFTEN else pytest.param(kind, marks=pytest.mark.slow) for kind in kinds]


@pytest.fixture(scope="module")
def encoder(panel: Panel, tokenizer: hf.PreTrainedTokenizerFast) -> CareerEncoder:
    return CareerEncoder(tokenizer, Template(), panel.taxonomy)


@pytest.fixture(scope="module")
def careers(panel: Panel, encoder: CareerEncoder) -> list[EncodedCareer]:
    """Two careers, of one and of three records, so that a pass packs both."""
    encoded = list(encoder.encode(render(panel, Template())))
    return [encoded[0], encoded[2]]


def random_model(kind: str, vocabulary: int) -> hf.PreTrainedModel:
    """Small and random, norms and biases too, in the configuration of its kind as far as that allows."""
    usual = hf.AutoConfig.for_model(kind)
    chosen = {name: value for name, value in SMALL.items() if hasattr(usual, name)}
    if isinstance(getattr(type(usual), "head_dim", None), property):  # follows from other sizes
        del chosen["head_dim"]
    config = hf.AutoConfig.for_model(kind, **chosen, **OTHERS.get(kind, {}), vocab_size=vocabulary)
    torch.manual_seed(1)
    model: hf.PreTrainedModel = hf.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() == 1:
                weight.add_(0.1 * torch.randn_like(weight))
    return model


@torch.no_grad()
def brute_force(model: hf.PreTrainedModel, encoder: CareerEncoder, career: EncodedCareer) -> NDArray[np.float64]:
    """(T, J) log-probabilities by the model's own forward pass over each prompt and title."""
    table = []
    for start in career.starts:
        for title in encoder.title_tokens:
            row = torch.tensor([career.tokens[:start] + title])
            logits = model(row, use_cache=False).logits[0, start - 1 : -1]
            table.append(logits.double().log_softmax(-1)[range(len(title)), title].sum().item())
    return np.array(table).reshape(len(career.starts), -1)


@pytest.mark.parametrize("kind", often_or_slowly(EXACT))
def test_scored_as_by_its_own_forward_pass(kind: str, encoder: CareerEncoder, careers: list[EncodedCareer]) -> None:
    plain = random_model(kind, len(encoder.tokenizer))
    base = BaseModel(kind, copy.deepcopy(plain), encoder.tokenizer)
    for career, scores in zip(careers, Scorer(TextModel(base, encoder)).score(careers), strict=True):
        assert_allclose(scores.log_prob, brute_force(plain, encoder, career), atol=TOLERANCE)


@pytest.mark.parametrize("kind", often_or_slowly(EXACT))
def test_trained_as_by_its_own_forward_pass(kind: str, encoder: CareerEncoder, careers: list[EncodedCareer]) -> None:
    """The gradient of the loss of two careers in one pack is that of each by itself."""
    plain = random_model(kind, len(encoder.tokenizer)).requires_grad_(True)
    ours = copy.deepcopy(plain)
    decoder = Decoder(ours)
    with fused_layers(ours):
        pack_loss(decoder, careers, text_weight=1.0).backward()
    for career in careers:
        tokens = torch.tensor(career.tokens)
        cross_entropy(plain(tokens[None], use_cache=False).logits[0, :-1], tokens[1:], reduction="sum").backward()
    expected, found = (_gradient(model) for model in (plain, ours))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-3 * float(expected.abs().max()))


def _gradient(model: hf.PreTrainedModel) -> torch.Tensor:
    """Of all weights, in one row; nought where a weight has none."""
    slopes = (torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in model.parameters())
    return torch.cat([slope.flatten() for slope in slopes])


@pytest.mark.parametrize("kind", often_or_slowly(REFUSED))
def test_refused_by_name(kind: str, encoder: CareerEncoder) -> None:
    model = random_model(kind, len(encoder.tokenizer))
    before = model.config._attn_implementation
    for _ in range(2):  # a refused model is not taken for a probed one
        with pytest.raises(InputError, match=f"^{kind} models cannot be scored exactly: ") as refused:
            Decoder(model)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300
    assert model.config._attn_implementation == before


def test_a_model_is_probed_once(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    base.model.register_forward_hook(lambda *_: passes.append(1))
    attend_by_patterns(base.model)
    probed = len(passes)
    attend_by_patterns(base.model)
    assert len(passes) == probed > 0


def test_how_much_differs_is_said(encoder: CareerEncoder) -> None:
    """A head that adds one nat to the first token's logit."""
    model = random_model("llama", len(encoder.tokenizer))

    def bend(_: torch.nn.Module, __: Any, output: torch.Tensor) -> torch.Tensor:
        return output + torch.nn.functional.one_hot(torch.tensor(0), output.shape[-1])

    model.get_output_embeddings().register_forward_hook(bend)
    with pytest.raises(InputError, match=r"hidden states times the output embedding differ .* by (0\.9\d|1) nats"):
        Decoder(model)


@pytest.mark.parametrize(
    ("rope", "others", "context"),
    [
        ({"rope_type": "default", "rope_theta": 1e4}, {}, 512),
        ({"rope_type": "longrope", "rope_theta": 1e4, "short_factor": [1.0] * 4, "long_factor": [9.0] * 4}, {}, 128),
        ({"rope_type": "default", "rope_theta": 1e4}, {"sliding_window": 64}, 64),
    ],
)
def test_the_context_is_where_attention_is_plain(rope: dict[str, Any], others: dict[str, Any], context: int) -> None:
    sizes = {name: SMALL[name] for name in ("hidden_size", "intermediate_size", "num_hidden_layers", "pad_token_id")}
    config = hf.Phi3Config(
        **sizes,
        **others,
        vocab_size=99,
        num_attention_heads=4,
        max_position_embeddings=512,
        original_max_position_embeddings=128,
        rope_parameters=rope,
    )
    assert context_length(hf.Phi3ForCausalLM(config)) == context
