"""How fast this machine fine-tunes, compared with SFTTrainer of TRL.

Base model, careers, steps and learning rate are equal, so all must come to the same loss.
"""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from statistics import median
from typing import get_args

import polars as pl

from benchmarks.machine import matmul_rate, training_precision
from benchmarks.subprocess_run import run_in_subprocess
from benchmarks.trainers import run
from benchmarks.workload import Trainer, Workload
from laborllm.errors import InputError
from laborllm.progress import progress

TRAINERS: tuple[Trainer, ...] = get_args(Trainer)


def measure_training(
    workload: Workload, trainers: Sequence[Trainer] = TRAINERS, *, rounds: int = 1
) -> tuple[pl.DataFrame, float]:
    """Let every trainer do the workload once a round, one after the other, each in a process of its own.

    Returns a row per trainer, medians over the rounds, and the machine's rate of matrix products in floating-point
    operations per second, measured at the beginning of every round. Columns: trainer, careers_per_second,
    tokens_per_second, memory_gb (peak), matmul_share (of that rate, spent on what loss and gradient need), steps,
    loss_before and loss (nats per token of careers held out). Raises `InputError` if TRL is wanted and not installed.
    """
    if any(trainer.startswith("sft") for trainer in trainers) and find_spec("trl") is None:
        raise InputError('SFTTrainer is not installed: pip install "laborllm[bench]"')
    found, rates = [], []
    with progress("train", rounds * len(trainers), "trainings") as advance:
        for _ in range(rounds):
            rates.append(run_in_subprocess(matmul_rate, training_precision()))
            for trainer in trainers:
                took = run_in_subprocess(run, trainer, workload)
                found.append({"trainer": trainer, **asdict(took)})
                advance(note=f"{trainer} {took.tokens / took.seconds:.1f} tokens/s")
    return _medians(pl.DataFrame(found), workload.careers, median(rates)), median(rates)


def _medians(found: pl.DataFrame, careers: int, matmul_rate: float) -> pl.DataFrame:
    by_trainer = found.group_by("trainer", maintain_order=True).agg(pl.all().median())
    tokens_per_second = pl.col("tokens") / pl.col("seconds")
    return by_trainer.select(
        "trainer",
        (careers / pl.col("seconds")).alias("careers_per_second"),
        tokens_per_second.alias("tokens_per_second"),
        (pl.col("memory") / 1e9).alias("memory_gb"),
        (tokens_per_second * pl.col("flops_per_token") / matmul_rate).alias("matmul_share"),
        pl.col("steps").cast(pl.Int64),
        "loss_before",
        "loss",
    )
