"""A base model in shards: each process of a training reads and writes its own part, and none holds the whole model."""

import shutil
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from transformers import AutoModelForCausalLM

from laborllm.errors import InputError, StorageError
from laborllm.lm.base.load import BaseModel, folder_of, load_config, load_tokenizer
from laborllm.lm.base.plausible import require_fractions
from laborllm.runtime import best_device
from laborllm.storage import new_scratch
from laborllm.training.parallel.processes import Processes
from laborllm.training.parallel.sharding import Shards

SHARDS, GENERATION = "sharded", "generation_config.json"


def load_in_shards(name: str) -> BaseModel:
    """Load this process's shards of a base model; all processes of a training call this.

    Args:
        name: Of the base model, as for `load_base`.

    Returns:
        The base model, in float32.

    Raises:
        InputError: A base model that is not here, or whose files hold other tensors than its architecture has, as those
            of mixtures of experts, or weights without fractions.
    """
    where = folder_of(name)
    with init_empty_weights(include_buffers=False):
        model: Any = AutoModelForCausalLM.from_config(load_config(name), dtype=torch.float32, trust_remote_code=False)
    model.tie_weights()
    require_fractions(model, Path(where))
    try:
        shards = Shards.read(model, Path(where), best_device())
    except StorageError as error:
        raise InputError(f"base model {name!r} cannot be read in shards: {error}", hint="leave out --shard") from error
    return BaseModel(name, model.eval(), load_tokenizer(where), shards=shards)


def save_in_shards(base: BaseModel, shards: Shards, run: Path) -> Path:
    """Write a base model as `load_base` reads it; all processes of the training call this.

    Args:
        base: Configuration and tokenizer.
        shards: The weights.
        run: The run folder that it is for.

    Returns:
        A folder next to `run`, to be moved into it.
    """
    processes = Processes()
    folder = Path(processes.of_main(str(new_scratch(run, "weights")) if processes.is_main else ""))
    shards.write(folder)
    if processes.is_main:
        shutil.rmtree(folder / SHARDS)
        base.model.config.architectures = [type(base.model).__name__]
        base.model.config.save_pretrained(folder)
        base.tokenizer.save_pretrained(folder)
        generation = Path(folder_of(base.name)) / GENERATION
        if generation.is_file():
            shutil.copy(generation, folder)
    return folder
