"""A town of four occupations and one state, and simulations of its people that were written down by hand."""

import numpy as np
import polars as pl

from laborllm.forecasting.simulation.result import Simulation
from laborllm.occupations import Taxonomy

JOBS = [("1", "Cooks", "Food"), ("2", "Waiters", "Food"), ("3", "Tellers", "Banks"), ("4", "Welders", "Metal")]
TOWN = Taxonomy.from_occupations("town", JOBS).with_states(["unemployed"])
YEARS = (2025, 2026)


def simulation(
    probability: list[list[list[float]]], drawn: list[list[list[int]]] | None = None, last: str = "1"
) -> Simulation:
    """People whose last record is of 2024, (W, K, J) probabilities, and the (W, D, K) columns drawn; default: one path
    of first columns."""
    share = np.array(probability, np.float32)
    workers, years, _ = share.shape
    paths = np.zeros((workers, 1, years)) if drawn is None else np.array(drawn)
    names = [f"w{at}" for at in range(workers)]
    return Simulation(
        workers=pl.DataFrame({"worker": names, "year": [2024] * workers, "occupation": [last] * workers}),
        years=np.tile(np.array(YEARS[:years], np.int16), (workers, 1)),
        taxonomy=TOWN,
        probability=share,
        error=np.zeros_like(share),
        occupation=paths.astype(np.int16),
        seed=0,
    )
