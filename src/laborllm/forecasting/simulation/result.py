"""What a simulation gives, and a what-if: arrays by worker, path and year. Reading them needs no torch."""

from dataclasses import dataclass
from typing import final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.occupations import Taxonomy

HELD, SCENARIO = "covariates held at their last values", "covariates as the open records have them"


@dataclass(frozen=True)
class Simulation:
    """K years of W workers on D paths each.

    Attributes:
        workers: Columns worker, year and occupation of the last observed record (null where there is none), W rows.
        years: Year of each open record, (W, K).
        taxonomy: The J occupations that the columns stand for.
        probability: Mean over paths of the one-step distribution, (W, K, J) float32; rows sum to one.
        error: Monte Carlo standard error of `probability`, (W, K, J) float32; zero in the first year. Of an occupation
            that no path drew the year before, an upper bound.
        occupation: The occupations drawn, (W, D, K) columns.
        seed: Seed of the draws.
        assumptions: What the open records were given: covariates held, as a scenario, or drawn; a move.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> fitted = ll.fit("transition", panel)
        >>> ll.simulate(fitted, panel, years=[2025], draws=100).draws
        100
    """

    workers: pl.DataFrame
    years: NDArray[np.int16]
    taxonomy: Taxonomy
    probability: NDArray[np.float32]
    error: NDArray[np.float32]
    occupation: NDArray[np.int16]
    seed: int
    assumptions: str = HELD

    def __repr__(self) -> str:
        """Sizes, and no record: what is printed of a simulation may end up in a log."""
        workers, years, occupations = self.probability.shape
        return (
            f"Simulation({workers:,} workers on {self.draws:,} paths of {years} records over {occupations} occupations)"
        )

    @property
    def draws(self) -> int:
        """Paths of each worker, D."""
        return int(self.occupation.shape[1])

    @property
    def origin(self) -> NDArray[np.intp]:
        """Column of each worker's last observed occupation, (W,); J where there is none."""
        return self.taxonomy.columns(self.workers["occupation"])


@final
@dataclass(frozen=True)
class Difference:
    """How two versions of the same W careers differ over K years.

    Attributes:
        workers: Columns worker, year and occupation of the last observed record of the first version, W rows.
        years: Year of each open record, (W, K).
        taxonomy: The J occupations.
        before: Under the first version, (W, K, J) float32; rows sum to one.
        probability: Under the second version minus under the first, (W, K, J) float32; rows sum to zero.
        error: Monte Carlo standard error of `probability` over paired paths, (W, K, J) float32.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> fitted = ll.fit("transition", panel)
        >>> opened = panel.open(years=[2025])
        >>> ll.what_if(fitted, opened, opened, draws=10).years.shape
        (50, 1)
    """

    workers: pl.DataFrame
    years: NDArray[np.int16]
    taxonomy: Taxonomy
    before: NDArray[np.float32]
    probability: NDArray[np.float32]
    error: NDArray[np.float32]
