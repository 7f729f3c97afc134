"""The configuration of a base model, looked at before transformers builds what it states."""

import json
import re
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

from accelerate import init_empty_weights
from safetensors import safe_open
from transformers import AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from laborllm.errors import InputError
from laborllm.storage import read_json

COUNTED = re.compile(r"(?:layers?|blocks|labels|experts)$")
FRACTIONS = ("F", "BF")  # how the types of numbers with fractions begin in safetensors
LARGEST_GROWTH = 64  # times as many letters, where a space becomes a mark of several
LARGEST = 4096  # of what is made one by one: hundreds in the largest models there are


def require_plausible(folder: Path) -> None:
    """Refuse a configuration that states so many parts that to make them would not end.

    Args:
        folder: Of the model.

    Raises:
        InputError: It does.
        StorageError: It cannot be read.
    """
    require_countable(read_json(folder / "config.json"), folder)


def require_countable(config: object, where: Path) -> None:
    """Raise `InputError` if a number of parts, however deep, is larger than any model has.

    Args:
        config: What a configuration states.
        where: Of what model, for the error.
    """
    for name, value in _entries(config):
        if COUNTED.search(name) and isinstance(value, int | float) and abs(value) > LARGEST:
            raise InputError(
                f"cannot load base model {str(where)!r}: it states {value:,} for {name}, which no model has"
            )


def require_held(config: PreTrainedConfig, gguf: Path) -> None:
    """Refuse a GGUF file with fewer weights than the model that it states: transformers draws those at random.

    Args:
        config: What it states.
        gguf: The file.

    Raises:
        InputError: It does.
    """
    from gguf import GGUFReader

    with init_empty_weights():
        model: Any = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    model.tie_weights()
    needed = sum(weight.numel() for weight in model.parameters())
    held = sum(int(tensor.n_elements) for tensor in GGUFReader(gguf).tensors)
    if held < needed:
        raise InputError(
            f"cannot load base model {str(gguf)!r}: it holds {held:,} of the {needed:,} weights of its model"
        )


def require_fractions(model: PreTrainedModel, folder: Path) -> None:
    """Refuse weights that stand in the files of a model as whole numbers, or as true and false: transformers reads them
    as if nothing were lost. A model states so itself where it was quantised.

    Args:
        model: The model.
        folder: Where its files are.

    Raises:
        InputError: One stands so.
    """
    if getattr(model.config, "quantization_config", None) is not None:
        return
    prefix = f"{model.base_model_prefix}."
    weights = {name.removeprefix(prefix) for name, _ in model.named_parameters(remove_duplicate=False)}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118  # it cannot be iterated
                kind = tensors.get_slice(name).get_dtype()
                if name.removeprefix(prefix) in weights and not kind.startswith(FRACTIONS):
                    raise InputError(
                        f"cannot load base model {str(folder)!r}: {file.name} holds {name} as numbers of type {kind}, "
                        "which have no fractions"
                    )


def require_modest(tokenizer: PreTrainedTokenizerFast, where: str) -> None:
    """Refuse a tokenizer that writes each letter as so many that a text would fill the memory.

    Args:
        tokenizer: The tokenizer.
        where: Of what model, for the error.

    Raises:
        InputError: It does.
    """
    normalizer = tokenizer.backend_tokenizer.normalizer
    growth = 1 if normalizer is None else _growth(json.loads(normalizer.__getstate__()))
    if growth > LARGEST_GROWTH:
        raise InputError(f"cannot load base model {where!r}: its tokenizer writes a letter as {growth:,} letters")


def _growth(normalizer: Mapping[str, Any]) -> int:
    """How many letters the replacements of a normalizer, one after the other, can make of one."""
    return prod(map(_growth, normalizer.get("normalizers", ())), start=max(1, len(normalizer.get("content", ""))))


def _entries(config: object) -> Iterator[tuple[str, Any]]:
    if isinstance(config, Mapping):
        for name, value in config.items():
            yield str(name), value
            yield from _entries(value)
