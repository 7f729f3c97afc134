"""The error that all people of a group share: a model wrong about a group, a year unlike those it learnt from.

Chance in each path averages out over people, this does not, so intervals of chance are too narrow for groups. How
much so is seen where forecasts have been made before: in the rates of a backtest, at earlier origins and on people
who are in no test. A count then varies by

    variance of chance + (relative error)^2 x (years ahead) x (expected count)^2,

with the relative error that made the intervals of as many past counts hold as they should (split conformal prediction;
Lei et al. 2018). It grows with the root of the years ahead, as errors that add up do.
"""

import json
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import NormalDist
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import InputError, PanelError
from laborllm.models.runs.shipped import SHIPPED, find_run
from laborllm.panel.parquet.read import UNREADABLE, read_whole

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

ENOUGH = 5
"""Expected people from which a count tells whether its interval holds: one near zero always does."""
SHOWN = 0.9
"""Share of futures in the intervals that a backtest lists."""
SHIPPED_ERRORS = SHIPPED / "common_error.json"
"""What backtests have found of the models that come with laborllm, by name."""


@dataclass(frozen=True)
class CommonError:
    """How far counts of a group turn out from what was expected, beyond chance.

    Attributes:
        relative: Standard deviation one year ahead, as a share of the expected count.
        counts: How many counts of the past it was calibrated on.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> paths = ll.simulate(ll.fit("transition", panel), panel, years=[2025], draws=100)
        >>> ll.group_shares(paths, common_error=ll.CommonError(0.05, counts=100))["holds"][0]
        'draws, common error'
    """

    relative: float
    counts: int

    @classmethod
    def from_rates(cls, rates: pl.DataFrame, model: str) -> Self:
        """Calibrate on what a backtest found.

        Args:
            rates: Modelled and observed counts by age and group, as `Backtest.rates` has them.
            model: Name of the model in `rates`.

        Returns:
            The error with which nine in ten of these counts would have been in their 90 % intervals.

        Raises:
            PanelError: Too few counts of that model that were expected to be of several people.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=400, taxonomy="nlswork")
            >>> models = {"counts": ll.fit("transition", panel)}
            >>> found = ll.backtest(models, panel, origins=[2009], horizon=4, split="train", draws=10)
            >>> ll.CommonError.from_rates(found.rates, "counts").relative < 0.5
            True
        """
        known = rates.filter(model=model).drop_nulls().filter(pl.col("expected") >= ENOUGH)
        rank = ceil(SHOWN * (len(known) + 1))
        if rank > len(known):
            names = ", ".join(rates["model"].unique(maintain_order=True))
            raise PanelError(
                f"{len(known)} counts of {model!r} with at least {ENOUGH} expected people calibrate no interval: rates "
                f"are of {names}; use more workers or origins"
            )
        width = NormalDist().inv_cdf((1 + SHOWN) / 2)
        expected, low, high = (known[name].to_numpy().astype(np.float64) for name in ("expected", "low", "high"))
        off, chance = known["observed"].to_numpy() - expected, (high - low) / (2 * width)
        beyond = np.sqrt(np.maximum((off / width) ** 2 - chance**2, 0))
        needed = np.sort(beyond / expected / np.sqrt(known["horizon"].to_numpy()))
        return cls(float(needed[rank - 1]), len(known))

    def spread(self, drawn: Counts, expected: Floats, ahead: Floats, people: int, *, seed: int) -> Counts:
        """Futures that hold this error too, each count off by a normal number.

        Args:
            drawn: How many people are in each cell in each future and year, (F, K, C).
            expected: (K, C).
            ahead: Years since the last record, (K,).
            people: How many people there are.
            seed: Of the numbers.

        Returns:
            Whole numbers from none to all people, (F, K, C).

        Examples:
            >>> drawn = np.full((1000, 1, 1), 50)
            >>> wider = CommonError(0.1, counts=100).spread(drawn, np.full((1, 1), 50.0), np.ones(1), 100, seed=0)
            >>> bool(4 < wider.std() < 6)
            True
        """
        off = np.random.default_rng(seed).standard_normal(drawn.shape)
        sizes = self.relative * np.sqrt(ahead)[:, None] * expected
        return np.asarray((drawn + off * sizes).round().clip(0, people).astype(np.int64))


def common_error_of(run: Path, rates: Path | None) -> CommonError | None:
    """The error of groups that is known of a model.

    Args:
        run: Its run folder, or the name of a model that comes with laborllm.
        rates: Table of the rates of a backtest; None: what is known of a model that comes with laborllm.

    Returns:
        The error; None where nothing is known.

    Raises:
        InputError: A file that is no table of rates.
        PanelError: The rates are of other models, or too few.
    """
    if rates is not None:
        return CommonError.from_rates(read_rates(rates), run.name)
    known = json.loads(SHIPPED_ERRORS.read_text(encoding="utf-8"))
    return CommonError(**known[str(run)]) if str(run) in known and find_run(run) != run else None


def read_rates(path: Path) -> pl.DataFrame:
    """The table of rates that a backtest wrote. Raises `InputError` for a file that is none."""
    if not path.is_file():
        raise InputError(f"no file of rates at {path}")
    try:
        table = pl.read_csv(path) if path.suffix == ".csv" else read_whole(path, InputError)
    except UNREADABLE as error:
        raise InputError(f"{path} is no table of rates, in .csv or .parquet, as a backtest writes them") from error
    if missing := {"model", "horizon", "observed", "expected", "low", "high"} - set(table.columns):
        raise InputError(f"{path} is no table of rates of a backtest: it lacks {', '.join(sorted(missing))}")
    return table
