"""What a folder of weights can make a loader do: read tensors, and nothing else."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from laborllm.errors import InputError, LaborLLMError, RunError
from laborllm.lm.base import hub
from laborllm.lm.base.load import BaseModel, fetch_base, load_base, load_config
from laborllm.lm.base.weights import ADAPTER, CONFIG, TENSORS, add_adapter, load_weights, merge_adapter, save_weights
from laborllm.runtime import peak_memory

SECONDS = 5.0  # a load takes some tenths; a hub that is asked, or a pattern that backtracks, takes far longer


@pytest.fixture(autouse=True)
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """No test of this file may reach the network: what tried to is listed, and must be empty at the end."""
    tried: list[Any] = []

    def refuse(*address: Any, **_: Any) -> Any:
        tried.append(address)
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield tried
    assert not tried


@pytest.fixture
def run(base: BaseModel, base_folder: Path, tmp_path: Path) -> Path:
    """A run folder's weights: an adapter of rank 2 whose tensors are not zero."""
    adapted = add_adapter(base.model, rank=2)
    torch.manual_seed(0)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_" in name:
                weight.normal_()
    adapter = merge_adapter(adapted)
    folder = tmp_path / "run"
    folder.mkdir()
    save_weights(folder, BaseModel(str(base_folder), base.model, base.tokenizer), adapter)
    return folder


def change(run: Path, **entries: Any) -> None:
    stated = json.loads((run / ADAPTER / CONFIG).read_text())
    (run / ADAPTER / CONFIG).write_text(json.dumps(stated | entries))


def test_an_adapter_comes_back_as_it_was(run: Path, base: BaseModel, base_folder: Path) -> None:
    """`base` has it merged since it was made."""
    loaded = load_weights(run, str(base_folder)).model.state_dict()
    for name, weight in base.model.state_dict().items():
        torch.testing.assert_close(loaded[name], weight)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"target_modules": "^(.*.*)*x$"}, "target_modules is not a list of names"),
        ({"rank_pattern": {"(a+)+$": 4}}, "rank_pattern is set"),
        ({"layers_pattern": "(a+)+$"}, "layers_pattern is set"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save is set"),
        ({"auto_mapping": {"parent_library": "os"}}, "auto_mapping is set"),
        ({"peft_type": "PROMPT_TUNING"}, "peft_type is set"),
        ({"r": None}, "is not an adapter of a fit"),
        ({"r": 3}, "its tensors are not of rank 3"),
        ({"target_modules": ["q_proj"]}, "its tensors are not those of the base model"),
        ({"target_modules": ["nowhere"]}, "does not fit its base model"),
    ],
)
def test_a_config_that_no_fit_writes_is_refused(
    run: Path, base_folder: Path, entries: dict[str, Any], message: str
) -> None:
    change(run, **entries)
    begin = time.monotonic()
    with pytest.raises(RunError, match=message) as refused:
        load_weights(run, str(base_folder))
    assert "\n" not in str(refused.value)
    assert time.monotonic() - begin < SECONDS


@pytest.mark.parametrize("file", [CONFIG, TENSORS])
def test_what_is_missing_is_looked_up_nowhere(run: Path, base_folder: Path, file: str) -> None:
    (run / ADAPTER / file).unlink()
    with pytest.raises(RunError, match="is not an adapter of a fit"):
        load_weights(run, str(base_folder))


def test_pickled_tensors_are_never_opened(run: Path, base_folder: Path) -> None:
    tensors = load_file(run / ADAPTER / TENSORS)
    (run / ADAPTER / TENSORS).unlink()
    torch.save(tensors, run / ADAPTER / "adapter_model.bin")
    with pytest.raises(RunError, match="is not an adapter of a fit"):
        load_weights(run, str(base_folder))


def test_torn_tensors_are_refused(run: Path, base_folder: Path) -> None:
    file = run / ADAPTER / TENSORS
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(RunError, match="is not an adapter of a fit"):
        load_weights(run, str(base_folder))


def test_a_rank_that_no_tensor_has_takes_no_memory(run: Path, base_folder: Path) -> None:
    """Some gigabytes for each layer, would they be made before the tensors are looked at."""
    rank = 10**7
    for tensors in ({"other": torch.zeros(1)}, {"lora_A": torch.zeros(rank, 1, dtype=torch.int8)}):
        save_file(tensors, run / ADAPTER / TENSORS)
        change(run, r=rank)
        before = peak_memory()
        with pytest.raises(RunError, match="its tensors are not"):
            load_weights(run, str(base_folder))
        assert peak_memory() - before < 2**29


def test_a_run_does_not_ask_the_hub_for_its_base(run: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(InputError, match="no base model 'some-one/some-model' on this machine"):
        load_weights(run, "some-one/some-model")
    assert time.monotonic() - begin < SECONDS


def test_an_adapter_is_no_base(run: Path) -> None:
    """Else transformers would look up the base model that it names."""
    (run / ADAPTER / "config.json").write_text("{}")
    with pytest.raises(InputError, match="holds an adapter: give the folder of a whole model"):
        load_base(str(run / ADAPTER))


def test_code_that_comes_with_a_model_is_not_run(own_base_folder: Path, tmp_path: Path) -> None:
    config = json.loads((own_base_folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}}
    (own_base_folder / "config.json").write_text(json.dumps(config))
    code = f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Config: pass\nModel = Config\n"
    (own_base_folder / "own.py").write_text(code)
    with pytest.raises(InputError, match="cannot load base model"):
        load_base(str(own_base_folder))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "entry",
    [
        {"num_hidden_layers": 10**6},
        {"num_labels": 10**9},
        {"text_config": {"n_layer": 1e30}},
        {"num_experts": -9999},
    ],
)
def test_a_configuration_of_too_many_parts_is_refused_at_once(entry: dict[str, Any], own_base_folder: Path) -> None:
    config = json.loads((own_base_folder / "config.json").read_text())
    (own_base_folder / "config.json").write_text(json.dumps(config | entry))
    begin = time.monotonic()
    for load in (load_base, load_config):
        with pytest.raises(InputError, match="which no model has"):
            load(str(own_base_folder))
    assert time.monotonic() - begin < SECONDS


def test_a_tokenizer_that_multiplies_letters_is_refused(own_base_folder: Path) -> None:
    stated = json.loads((own_base_folder / "tokenizer.json").read_text())
    replace = {"type": "Replace", "pattern": {"String": "e"}, "content": "e" * 1000}
    stated["normalizer"] = {"type": "Sequence", "normalizers": [replace] * 3}
    (own_base_folder / "tokenizer.json").write_text(json.dumps(stated))
    with pytest.raises(InputError, match="its tokenizer writes a letter as 1,000,000,000 letters"):
        load_base(str(own_base_folder))


@pytest.mark.parametrize("name", ["attn_implementation", "_attn_implementation"])
def test_kernels_of_others_are_not_fetched(name: str, own_base_folder: Path) -> None:
    """Transformers takes the name of a repository of code for one, where the package `kernels` is installed."""
    config = json.loads((own_base_folder / "config.json").read_text())
    (own_base_folder / "config.json").write_text(json.dumps(config | {name: "some-one/some-kernel"}))
    assert load_base(str(own_base_folder)).model.config._attn_implementation in ("sdpa", "eager")
    assert load_config(str(own_base_folder))._attn_implementation is None


def test_without_the_hub_a_name_is_one_line_at_once(monkeypatch: pytest.MonkeyPatch, calls: list[Any]) -> None:
    monkeypatch.setattr(hub, "getproxies", dict)
    begin = time.monotonic()
    with pytest.raises(InputError, match=r"no base model folder at some-one/some-model, .* the hub is out of reach"):
        fetch_base("some-one/some-model")
    assert time.monotonic() - begin < SECONDS
    assert len(calls) == 1
    calls.clear()


def test_a_folder_is_not_fetched(base_folder: Path) -> None:
    fetch_base(str(base_folder))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors", "tokenizer_config.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe\x00", b'{"model_type": []}', b"\x00" * 64, b"null"])
def test_a_malformed_base_is_one_line(own_base_folder: Path, name: str, content: bytes) -> None:
    (own_base_folder / name).write_bytes(content)
    with suppress(LaborLLMError):  # some of these change nothing that is needed
        load_base(str(own_base_folder))
