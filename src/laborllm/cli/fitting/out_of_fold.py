"""The verb that forecasts training careers by fits without them."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from laborllm.cli.options import PanelFile, RunFolder, Seed
from laborllm.cli.places import TO_FILE

ForecastFile = Annotated[Path, Parameter(help="File of forecasts to write, NAME.parquet."), TO_FILE]


def out_of_fold(run: RunFolder, panel: PanelFile, /, *, out: ForecastFile, folds: int = 5, seed: Seed = 0) -> None:
    """Forecast every record by a model that was not fitted on its worker: training careers in folds, by new fits.

    What `--teacher` and `--offset-forecasts` of a fit are to read: a model is surer of the careers that it was fitted
    on than of new ones. The members of a mixture are fitted again with it. Interrupted, the same command resumes.

    Example: `laborllm out-of-fold runs/nemo nlswork.parquet --folds 5 --out nemo-folds.parquet`

    Args:
        folds: Parts into which training workers, or households where the split is by them, are divided.
    """
    from laborllm import api

    found = api.out_of_fold(run, panel, out=out, folds=folds, seed=seed)
    print(f"{out}: forecasts of {found.records.height:,} records, {found.method}", file=sys.stderr)
