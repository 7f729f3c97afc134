"""Exact draws of the next occupation, with random numbers that belong to the worker.

A draw inverts the distribution function with the previous occupation put first: a uniform number below the probability
of staying is a stay. Two forecasts that are given equal numbers then stay and move together as often as possible, so
the difference between two arms of a what-if has little noise (common random numbers; Glasserman and Yao 1992).
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def worker_uniforms(workers: Sequence[str], draws: int, years: int, *, seed: int) -> NDArray[np.float64]:
    """Uniform numbers of each worker, path and year, which other workers and the number of years do not change.

    Args:
        workers: Names of W workers.
        draws: Paths of each worker, D.
        years: Records of each path, K.
        seed: Seed of all of them.

    Returns:
        (K, W, D) numbers from 0 to below 1.
    """
    out = np.empty((years, len(workers), draws))
    for at, worker in enumerate(workers):
        key = int.from_bytes(hashlib.sha256(f"{seed}\n{worker}".encode()).digest()[:16], "little")
        out[:, at] = np.random.Generator(np.random.Philox(key=key)).random((years, draws))
    return out


def draw_next(probability: Tensor, previous: Tensor, uniform: Tensor) -> Tensor:
    """One occupation per row, drawn exactly: the previous one if `uniform` is below its probability.

    Args:
        probability: (n, J), rows that sum to one.
        previous: (n,) columns of the occupations before, J where there is none.
        uniform: (n,) numbers from 0 to below 1.

    Returns:
        (n,) columns.
    """
    occupations = probability.shape[1]
    stay = torch.where(
        previous < occupations, probability.gather(1, previous.clamp(max=occupations - 1)[:, None])[:, 0], 0
    )
    drawn = previous.clone()
    moves = (uniform >= stay).nonzero()[:, 0]
    drawn[moves] = _draw_move(probability[moves], previous[moves], stay[moves], uniform[moves])
    return drawn


def _draw_move(probability: Tensor, previous: Tensor, stay: Tensor, uniform: Tensor) -> Tensor:
    """Where n movers go, (n,): the interval of the previous occupation is stepped over."""
    last = probability.shape[1] - 1
    heights = probability.cumsum(dim=1)
    below = torch.where(previous <= last, heights.gather(1, previous.clamp(max=last)[:, None])[:, 0] - stay, 2.0)
    target = (uniform - stay) * ((heights[:, -1] - stay) / (1 - stay))
    target = torch.where(target >= below, target + stay, target)
    return torch.searchsorted(heights, target[:, None], right=True)[:, 0].clamp(max=last)
