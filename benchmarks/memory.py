"""The memory that tuning takes, measured in processes of their own, next to what was calculated."""

import os
import resource
import socket
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path

import numpy as np
import polars as pl
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from laborllm.lm.base.in_shards import load_in_shards
from laborllm.lm.base.load import load_base, load_tokenizer, locate
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.lm.tuning.config import TuningConfig
from laborllm.lm.tuning.finetune import CareerTexts, tune
from laborllm.lm.tuning.memory_plan import plan_memory
from laborllm.models.language.specs import SMOLLM2
from laborllm.occupations import load_taxonomy
from laborllm.runtime import set_up_process
from laborllm.text import Template

SHAPES = {  # width, layers, inner width, heads
    "33M": (384, 8, 1024, 6),
    "58M": (512, 10, 1408, 8),
    "97M": (640, 13, 1728, 10),
}
LENGTH, CAREERS, STEPS = 256, 8, 2  # tokens of a career, careers of a step: two passes
TOKENS = 1024  # of a pass
CONFIG = TuningConfig(method="full", batch_size=CAREERS, pack_tokens=TOKENS, validate_every=STEPS * CAREERS, shard=True)


def measure_memory(folder: Path, processes: int = 2) -> pl.DataFrame:
    """Tune invented models of three sizes for three steps, alone and in several processes.

    Args:
        folder: Where models are put until they have been read.
        processes: How many share one out.

    Returns:
        Columns model, processes, predicted and measured (the most of any process) in bytes, and their ratio.
    """
    rows = []
    for name, shape in SHAPES.items():
        config = _config(shape)
        for count in (1, processes):
            plan = plan_memory(config, CONFIG, processes=count, tokens=TOKENS, bfloat16=False)
            measured = max(_measured(folder / name, config, count))
            rows.append((name, count, plan.total, measured, measured / plan.total))
    return pl.DataFrame(rows, ["model", "processes", "predicted", "measured", "ratio"], orient="row")


def _config(shape: tuple[int, int, int, int]) -> LlamaConfig:
    width, layers, inner, heads = shape
    return LlamaConfig(
        vocab_size=49_152,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
    )


def _measured(folder: Path, config: LlamaConfig, processes: int) -> list[int]:
    """The peak of each process beyond what it took before the model."""
    context = get_context("spawn")
    found: Queue[int] = context.Queue()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if not folder.is_dir():
        _write(folder, config)
    started = [context.Process(target=_tune, args=(folder, rank, processes, port, found)) for rank in range(processes)]
    for process in started:
        process.start()
    peaks = [found.get() for _ in started]
    for process in started:
        process.join()
    return peaks


def _write(folder: Path, config: LlamaConfig) -> None:
    LlamaForCausalLM(config).save_pretrained(folder)
    load_tokenizer(locate(SMOLLM2)).save_pretrained(folder)


def _tune(folder: Path, rank: int, processes: int, port: int, found: "Queue[int]") -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "CUDA_VISIBLE_DEVICES": ""}
    set_up_process()
    torch.set_num_threads(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    base = load_base(str(folder)) if processes == 1 else load_in_shards(str(folder))
    encoder = CareerEncoder(base.tokenizer, Template(), load_taxonomy("occ1990dd"))
    model = TextModel.on_best_device(base, encoder)
    rows = np.random.default_rng(0).integers(0, base.model.config.vocab_size, (STEPS * CAREERS, LENGTH)).tolist()
    careers = [EncodedCareer(str(row), tuple(tokens), (LENGTH - 4,), (LENGTH,)) for row, tokens in enumerate(rows)]
    task = CareerTexts([[career] for career in careers], TOKENS, model=model, valid=careers[:1], text_weight=1.0)
    tune(base, task, CONFIG, seed=0, checkpoints=None)
    found.put(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
