"""The verb that forecasts."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from laborllm.cli.options import (
    MaxLogPplShift,
    MaxTV,
    Memory,
    PanelFile,
    RunFolder,
    Scoring,
    ScoringWeights,
    Seed,
    Tolerance,
)
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.storage import MARKER

DEFAULT = ScoringOptions()


def forecast(
    run: RunFolder,
    panel: PanelFile,
    /,
    *,
    out: Annotated[Path, Parameter(help="Parquet file to write.")],
    split: Annotated[
        Literal["train", "valid", "test"] | None, Parameter(help="Forecast the workers of one split; else all.")
    ] = None,
    workers: Annotated[int | None, Parameter(help="Forecast this many of them, drawn at random.")] = None,
    seed: Seed = 0,
    scoring: Scoring = DEFAULT.method,
    tolerance: Tolerance = DEFAULT.tolerance,
    memory: Memory = DEFAULT.memory,
    scoring_weights: ScoringWeights = DEFAULT.weights,
    max_tv: MaxTV = DEFAULT.max_tv,
    max_log_ppl_shift: MaxLogPplShift = DEFAULT.max_log_ppl_shift,
) -> None:
    """Write the probability of every occupation for every record of a panel, each given the records before it.

    A forecast that is interrupted goes on where it stopped when the same command is given again: the parts that are
    ready stand beside the file until it is whole.

    Example: `laborllm forecast runs/transition nlswork.parquet --out forecast.parquet`
    """
    from laborllm import api
    from laborllm.forecasting.shards import forecast_to_file
    from laborllm.models.scored import WithScoring
    from laborllm.panel.store import PanelFile

    options = ScoringOptions(scoring, tolerance, memory, scoring_weights, max_tv, max_log_ppl_shift)
    model = WithScoring(api.load(run), options)
    careers = PanelFile.open(panel).select(split, workers, seed=seed)
    forecast_to_file(model, careers, out, identity=f"{(run / MARKER).read_text()}\n{options}")
