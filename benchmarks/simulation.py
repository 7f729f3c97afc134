"""How fast careers are simulated: models that carry their state along, and forecasting every career again each year."""

from dataclasses import replace
from typing import Any

import polars as pl

import laborllm as ll
from benchmarks.machine import clock
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.models.contract import Forecaster
from laborllm.models.forecasts.forecast import Floats, Forecast

YEARS = 10
MODELS: dict[str, Any] = {"nemo": ll.Nemo, "career": ll.Career}


class WithoutState:
    """A model without its state: `simulate` then forecasts every career again each year."""

    def __init__(self, model: Forecaster) -> None:
        self._model = model

    def forecast(self, panel: ll.Panel, *, scoring: ll.ScoringOptions | None = None) -> Forecast:
        return self._model.forecast(panel, scoring=scoring)

    def log_likelihood(self, panel: ll.Panel, *, scoring: ll.ScoringOptions | None = None) -> Floats:
        return self._model.log_likelihood(panel, scoring=scoring)


def measure_simulation(
    workers: int,
    draws: int,
    *,
    years: int = YEARS,
    base: str | None = None,
    share_again: float = 0.02,
    seed: int = 0,
) -> pl.DataFrame:
    """Simulate years of synthetic careers over the occupations of occ1990dd.

    Args:
        workers: How many careers.
        draws: Paths of each.
        years: How many years.
        base: A base model as it comes; None: models over codes.
        share_again: Share of the paths that are forecast again each year, which takes long.
        seed: Seed of careers, fits and draws.

    Returns:
        Columns model, method ("state carried along" or "forecast again"), paths, seconds (of the processor where one
        thread computes everything), and records_per_second (drawn records).
    """
    careers = ll.import_synthetic(workers=max(workers, 100), seed=seed)
    some = careers.sample(workers, seed=seed)
    last = int(careers.records["year"].max())  # type: ignore[arg-type]
    briefly = {name: spec(training=replace(spec().training, epochs=1)) for name, spec in MODELS.items()}
    rows = []
    for name, spec in (briefly if base is None else {base: ll.OffTheShelf(base)}).items():
        fitted = ll.fit(spec, careers, seed=seed)
        few = max(1, round(share_again * draws))
        for method, model, paths in (
            ("state carried along", fitted, draws),
            ("forecast again", WithoutState(fitted), few),
        ):
            start = clock()
            simulate(model, some, years=range(last + 1, last + 1 + years), draws=paths, seed=seed)
            seconds = clock() - start
            rows.append(
                {
                    "model": name,
                    "method": method,
                    "paths": workers * paths,
                    "seconds": seconds,
                    "records_per_second": workers * paths * years / seconds,
                }
            )
    return pl.DataFrame(rows)
