"""The memory that tuning takes, measured in processes of their own, next to what was calculated."""

import gc
import os
import socket
from itertools import accumulate
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch.profiler import ProfilerActivity, profile
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
TINY = (16, 1, 32, 2)
LENGTH, CAREERS, STEPS = 256, 8, 2  # tokens of a career, careers of a step: two passes
TOKENS = 1024  # of a pass
CONFIG = TuningConfig(method="full", batch_size=CAREERS, pack_tokens=TOKENS, validate_every=STEPS * CAREERS, shard=True)


def measure_memory(folder: Path, processes: int = 2) -> pl.DataFrame:
    """Tune invented models of three sizes for three steps, alone and in several processes.

    Args:
        folder: Where models are put until they have been read.
        processes: How many share one out.

    Returns:
        Columns model, processes, predicted, tensors and resident (of the process that has most, in bytes), and ratio of
        tensors to predicted. Tensors are what torch holds at most, resident what the process takes beyond one that has
        tuned a tiny model: buffers of the products, and freed memory that the process keeps, are in the latter only.
    """
    rows = []
    for name, shape in SHAPES.items():
        config = _config(shape)
        for count in (1, processes):
            plan = plan_memory(config, CONFIG, processes=count, tokens=TOKENS, bfloat16=False, device="cpu")
            measured = _measured(folder, name, count)
            tensors, resident = (max(values) for values in zip(*measured, strict=True))
            rows.append((name, count, plan.total, tensors, resident, tensors / plan.total))
    columns = ["model", "processes", "predicted", "tensors", "resident", "ratio"]
    return pl.DataFrame(rows, columns, orient="row")


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


def _measured(folder: Path, name: str, processes: int) -> list[tuple[int, int]]:
    """What each process takes at most: bytes of tensors, and bytes of memory."""
    context = get_context("spawn")
    found: Queue[tuple[int, int]] = context.Queue()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tiny, model = _written(folder / "tiny", TINY), _written(folder / name, SHAPES[name])
    arguments = [(tiny, model, rank, processes, port, found) for rank in range(processes)]
    started = [context.Process(target=_measure, args=each) for each in arguments]
    for process in started:
        process.start()
    peaks = [found.get() for _ in started]
    for process in started:
        process.join()
    return peaks


def _written(folder: Path, shape: tuple[int, int, int, int]) -> Path:
    if not folder.is_dir():
        LlamaForCausalLM(_config(shape)).save_pretrained(folder)
        load_tokenizer(locate(SMOLLM2)).save_pretrained(folder)
    return folder


def _measure(tiny: Path, model: Path, rank: int, processes: int, port: int, found: "Queue[tuple[int, int]]") -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "CUDA_VISIBLE_DEVICES": ""}
    set_up_process()
    torch.set_num_threads(1)
    _tune(tiny, processes)  # so that everything is imported
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _resident("VmRSS")
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        _tune(model, processes)
    resident = _resident("VmHWM") - before  # getrusage would say the most of the process that this one was made by
    found.put((_most_of_tensors(profiled), resident))


def _tune(folder: Path, processes: int) -> None:
    base = load_base(str(folder)) if processes == 1 else load_in_shards(str(folder))
    encoder = CareerEncoder(base.tokenizer, Template(), load_taxonomy("occ1990dd"))
    model = TextModel.on_best_device(base, encoder)
    rows = np.random.default_rng(0).integers(0, base.model.config.vocab_size, (STEPS * CAREERS, LENGTH)).tolist()
    careers = [EncodedCareer(str(row), tuple(tokens), (LENGTH - 4,), (LENGTH,)) for row, tokens in enumerate(rows)]
    task = CareerTexts([[career] for career in careers], TOKENS, model=model, valid=careers[:1], text_weight=1.0)
    tune(base, task, CONFIG, seed=0, checkpoints=None)


def _most_of_tensors(profiled: profile) -> int:
    """The most bytes that torch held at a time: the sum of what it took and gave back, in the order of time."""
    events: list[Any] = profiled.profiler.kineto_results.events()  # type: ignore[union-attr]
    taken = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]")
    return int(max(accumulate(size for _, size in taken)))


def _resident(field: str) -> int:
    """Bytes of this process in memory: VmRSS now, VmHWM at most."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return 1024 * int(status[field].split()[0])
