"""Fine-tuned weights, in the layouts that transformers and peft read: an adapter, or a whole model."""

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel

from laborllm.errors import OptionError, RunError, first_line
from laborllm.lm.base.load import BaseModel, load_base, load_tokenizer
from laborllm.lm.base.own_tokens import make_room

ADAPTER, MODEL = "adapter", "model"
CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
OF_OURS = {"r", "lora_alpha", "target_modules", "fan_in_fan_out", "trainable_token_indices"}  # what a fit states
ABOUT = {"base_model_name_or_path", "inference_mode", "peft_version"}  # what changes nothing


@dataclass(frozen=True)
class Adapter:
    """A low-rank adapter (arXiv 2106.09685): its configuration and its tensors by name."""

    config: PeftConfig
    tensors: dict[str, Tensor]


def add_adapter(model: PreTrainedModel, rank: int, tokens: Sequence[int] = ()) -> PeftModel:
    """Put an adapter on every linear layer of a model, in place.

    Only its parameters are trained from then on, and with them the embeddings of `tokens` and their rows of the output.

    Args:
        model: The base model.
        rank: Of the adapter.
        tokens: Tokens that are trained too.

    Returns:
        The model with its adapter.

    Raises:
        OptionError: The layers cannot hold new rows.
    """
    rows = {name: list(tokens) for name in _embeddings(model)} if tokens else None
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", trainable_token_indices=rows)
    with without_foreign_warnings():
        return get_peft_model(model, config)


def _embeddings(model: PreTrainedModel) -> list[str]:
    """The names of the embedding and of the output, one name where they are tied."""
    names = {module: name for name, module in model.named_modules()}
    embedding, output = model.get_input_embeddings(), model.get_output_embeddings()
    if getattr(output, "bias", None) is not None:
        raise OptionError(
            f"the output of {type(model).__name__} has a bias: an adapter cannot hold tokens", hint="use --method full"
        )
    return [names[embedding]] if output.weight is embedding.weight else [names[embedding], names[output]]


def merge_adapter(adapted: PeftModel) -> Adapter:
    """Add the adapter to the weights of its model, in place, and return it."""
    state = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    tensors = {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
    config = adapted.active_peft_config
    adapted.merge_and_unload()
    return Adapter(config, tensors)


def save_weights(folder: Path, base: BaseModel, adapter: Adapter | None) -> None:
    """Write fine-tuned weights as safetensors and JSON, with the tokenizer, unless it is the base model's as it comes.

    Args:
        folder: Where to.
        base: The fine-tuned model.
        adapter: What was trained; None: all weights.
    """
    if adapter is None:
        base.model.save_pretrained(folder / MODEL)
        base.tokenizer.save_pretrained(folder / MODEL)
        return
    (folder / ADAPTER).mkdir()
    adapter.config.base_model_name_or_path = base.name
    adapter.config.save_pretrained(str(folder / ADAPTER))
    save_file(adapter.tensors, folder / ADAPTER / TENSORS, metadata={"format": "pt"})
    if base.own_tokens:
        base.tokenizer.save_pretrained(folder / ADAPTER)


def load_weights(folder: Path, base: str, *, layers: int | None = None) -> BaseModel:
    """The fine-tuned model that `save_weights` wrote.

    Args:
        folder: Where the weights are.
        base: Name of the base model, which an adapter is merged into.
        layers: Keep only the first layers of the base model; None: all.

    Returns:
        The model, an adapter merged into it.

    Raises:
        RunError: An adapter that no fit has written.
        InputError: A base model that is not here.
    """
    if (folder / MODEL).is_dir():
        return load_base(str(folder / MODEL))
    loaded = load_base(base, layers=layers)
    tokenizer: Any = loaded.tokenizer
    adapter = _read_adapter(folder / ADAPTER)
    if adapter.config.trainable_token_indices:  # type: ignore[attr-defined]
        tokenizer = load_tokenizer(str(folder / ADAPTER))
        make_room(loaded.model, len(tokenizer))
    return BaseModel(loaded.name, _merged(loaded.model, adapter, folder), tokenizer)


def _read_adapter(folder: Path) -> Adapter:
    """An adapter as `save_weights` writes it: its configuration is rebuilt from the fit's options, so that neither
    patterns nor names of files in it are followed."""
    try:
        stated = json.loads((folder / CONFIG).read_text())
        targets, rows = stated["target_modules"], stated.get("trainable_token_indices")
        if not isinstance(targets, list) or not all(isinstance(target, str) for target in targets):
            raise ValueError("target_modules is not a list of names")
        config = LoraConfig(
            r=int(stated["r"]),
            lora_alpha=int(stated["lora_alpha"]),
            target_modules=targets,
            fan_in_fan_out=stated.get("fan_in_fan_out") is True,
            trainable_token_indices=rows and {str(name): [int(token) for token in rows[name]] for name in rows},
        )
        known = config.to_dict()
        foreign = [
            name
            for name in stated
            if name not in OF_OURS | ABOUT and (stated[name] or None) != (known.get(name) or None)
        ]
        if foreign:
            raise ValueError(f"{foreign[0]} is set")
        tensors = load_file(folder / TENSORS)
        if not tensors or any("lora_" in name and config.r not in tensor.shape for name, tensor in tensors.items()):
            raise ValueError(f"its tensors are not of rank {config.r}")
        return Adapter(config, tensors)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, SafetensorError) as error:
        raise RunError(f"{folder} is not an adapter of a fit: {first_line(error)}") from error


def _merged(model: PreTrainedModel, adapter: Adapter, run: Path) -> PreTrainedModel:
    """`model` with the adapter added to its weights."""
    try:
        with without_foreign_warnings():
            adapted = get_peft_model(model, adapter.config, low_cpu_mem_usage=True)  # no memory before shapes are known
            wanted = get_peft_model_state_dict(adapted, save_embedding_layers=False)
            if {name: tensor.shape for name, tensor in wanted.items()} != {
                name: tensor.shape for name, tensor in adapter.tensors.items()
            }:
                raise ValueError("its tensors are not those of the base model")
            set_peft_model_state_dict(adapted, adapter.tensors, low_cpu_mem_usage=True)
            merged: Any = adapted.merge_and_unload()
    except (ValueError, KeyError, RuntimeError) as error:
        raise RunError(f"the adapter of {run} does not fit its base model: {first_line(error)}") from error
    return cast(PreTrainedModel, merged)


@contextmanager
def without_foreign_warnings() -> Iterator[None]:
    """Without the deprecation warnings of transformers for names that peft still uses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield
