"""The careers and the learning rate of each step, as functions of the seed, the epoch and the step only."""

import math
from collections.abc import Iterator

import numpy as np

from laborllm.training.config import Decay, TrainingConfig


def career_order(careers: int, *, seed: int, epoch: int) -> list[int]:
    """The order of careers in an epoch.

    Args:
        careers: How many there are.
        seed: Of the training.
        epoch: Number of the epoch.

    Returns:
        A permutation, decided by the arguments.
    """
    return [int(index) for index in np.random.default_rng([seed, epoch]).permutation(careers)]


def batches(careers: int, config: TrainingConfig, *, seed: int) -> Iterator[list[int]]:
    """The careers of every step; the last batch of an epoch may be smaller.

    Args:
        careers: How many there are.
        config: How many epochs, and careers a step.
        seed: Decides the order.

    Yields:
        Numbers of careers.
    """
    for epoch in range(config.epochs):
        order = career_order(careers, seed=seed, epoch=epoch)
        yield from (order[start : start + config.batch_size] for start in range(0, careers, config.batch_size))


def rate_factor(step: int, steps: int, warmup: float, decay: Decay = "linear") -> float:
    """The share of the peak learning rate at a step: a linear rise, then a fall.

    Args:
        step: Number of the step, from 0.
        steps: How many there are.
        warmup: Share of them in which the rate rises.
        decay: "linear" or "cosine", which would reach 0 at `steps`; "inverse-sqrt", with the root of the steps so far
            (arXiv 1706.03762, section 5.3, as CAREER has it); or "constant".

    Returns:
        From 0 to 1.
    """
    rise = max(1, math.ceil(warmup * steps))
    if step < rise:
        return (step + 1) / rise
    left = (steps - step) / max(1, steps - rise)
    falls = {
        "linear": left,
        "cosine": (1 - math.cos(math.pi * left)) / 2,
        "inverse-sqrt": math.sqrt(rise / (step + 1)),
        "constant": 1.0,
    }
    return falls[decay]
