"""How often a coder whose confidence is true would pass for one, by chance, on as many titles."""

import numpy as np
import polars as pl

TOLERANCE = 0.03  # between confidence and share right, in each tenth of the titles by confidence


def chance_to_pass(asked: pl.DataFrame, *, draws: int = 2000, seed: int = 0) -> float:
    """Draw for each title whether it is right, with its confidence as the probability, and look at the deciles.

    Args:
        asked: One row per title: its confidence.
        draws: How often all titles are drawn.
        seed: Draws them.

    Returns:
        The share of draws in which all deciles are within `TOLERANCE`.
    """
    random = np.random.default_rng(seed)
    deciles = np.array_split(np.sort(asked["confidence"].to_numpy()), 10)
    passed = np.ones(draws, dtype=bool)
    for decile in filter(len, deciles):
        right = np.array([(random.random(len(decile)) < decile).mean() for _ in range(draws)])
        passed &= np.abs(right - decile.mean()) <= TOLERANCE
    return float(passed.mean())
