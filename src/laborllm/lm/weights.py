"""Fine-tuned weights on disk, in the layouts that transformers and peft read: an adapter, or a whole model."""

from pathlib import Path

from peft import PeftModel
from safetensors.torch import save_file

from laborllm.lm.base import BaseModel, load_base
from laborllm.lm.finetune import Adapter

ADAPTER, MODEL = "adapter", "model"


def save_weights(folder: Path, base: BaseModel, adapter: Adapter | None) -> None:
    """Write `adapter` if there is one, else the whole model with its tokenizer, as safetensors and JSON."""
    if adapter is None:
        base.model.save_pretrained(folder / MODEL)
        base.tokenizer.save_pretrained(folder / MODEL)
        return
    (folder / ADAPTER).mkdir()
    adapter.config.base_model_name_or_path = base.name
    adapter.config.save_pretrained(str(folder / ADAPTER))
    save_file(adapter.tensors, folder / ADAPTER / "adapter_model.safetensors", metadata={"format": "pt"})


def load_weights(folder: Path, base: str) -> BaseModel:
    """The fine-tuned model: `base` with the adapter merged, or the whole model."""
    if (folder / MODEL).is_dir():
        return load_base(str(folder / MODEL))
    loaded = load_base(base)
    merged = PeftModel.from_pretrained(loaded.model, folder / ADAPTER).merge_and_unload()
    return BaseModel(loaded.name, merged, loaded.tokenizer)
