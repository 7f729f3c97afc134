"""Fine-tuned weights, in the layouts that transformers and peft read: an adapter, or a whole model."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedModel

from laborllm.errors import OptionError
from laborllm.lm.base.load import BaseModel, load_base
from laborllm.lm.base.own_tokens import make_room

ADAPTER, MODEL = "adapter", "model"


@dataclass(frozen=True)
class Adapter:
    """A low-rank adapter (arXiv 2106.09685): its configuration and its tensors by name."""

    config: PeftConfig
    tensors: dict[str, Tensor]


def add_adapter(model: PreTrainedModel, rank: int, tokens: Sequence[int] = ()) -> PeftModel:
    """Put an adapter on every linear layer of `model`, in place; its parameters alone are trained from then on, and
    with them the embeddings of `tokens` and their rows of the output. Raises `OptionError` if it cannot hold these."""
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
    """Write `adapter` if there is one, else the whole model, as safetensors and JSON; with the tokenizer, unless it is
    that of the base as it comes."""
    if adapter is None:
        base.model.save_pretrained(folder / MODEL)
        base.tokenizer.save_pretrained(folder / MODEL)
        return
    (folder / ADAPTER).mkdir()
    adapter.config.base_model_name_or_path = base.name
    adapter.config.save_pretrained(str(folder / ADAPTER))
    save_file(adapter.tensors, folder / ADAPTER / "adapter_model.safetensors", metadata={"format": "pt"})
    if base.own_tokens:
        base.tokenizer.save_pretrained(folder / ADAPTER)


def load_weights(folder: Path, base: str, *, layers: int | None = None) -> BaseModel:
    """The fine-tuned model: the first layers of `base` with the adapter merged, or the whole model as it was saved."""
    if (folder / MODEL).is_dir():
        return load_base(str(folder / MODEL))
    loaded = load_base(base, layers=layers)
    tokenizer: Any = loaded.tokenizer
    if PeftConfig.from_pretrained(str(folder / ADAPTER)).trainable_token_indices:
        tokenizer = AutoTokenizer.from_pretrained(folder / ADAPTER)
        make_room(loaded.model, len(tokenizer))
    with without_foreign_warnings():
        merged = PeftModel.from_pretrained(loaded.model, folder / ADAPTER).merge_and_unload()
    return BaseModel(loaded.name, merged, tokenizer)


@contextmanager
def without_foreign_warnings() -> Iterator[None]:
    """Without what transformers says of its older names, which peft uses, and which its own older versions need."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield
