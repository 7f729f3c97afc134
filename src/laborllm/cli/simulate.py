"""The verb that continues careers over years to come."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from laborllm.cli.options import PanelFile, RunFolder, Seed


def simulate(
    run: RunFolder,
    panel: PanelFile,
    /,
    *,
    years: Annotated[
        list[int] | None,
        Parameter(help="Years to simulate, all after the last record; default: the open records of the panel."),
    ] = None,
    out: Annotated[Path, Parameter(help="File to write; its name says the format: .parquet, .csv or .dta (Stata).")],
    top: Annotated[
        int | None, Parameter(help="Write this many occupations of each worker and year; default: all.")
    ] = None,
    draws: Annotated[int, Parameter(help="Paths of each worker.")] = 1000,
    split: Annotated[
        Literal["train", "valid", "test"] | None, Parameter(help="Simulate the workers of one split; default: all.")
    ] = None,
    workers: Annotated[int | None, Parameter(help="Simulate this many of them, drawn at random.")] = None,
    seed: Seed = 0,
) -> None:
    """Write where workers are in each of several years, with the Monte Carlo error of every probability.

    A row per worker, year and occupation. Covariates are held at their last value. Groups, what-if and other tables are
    functions of the library.

    Example: `laborllm simulate runs/transition nlswork.parquet --years 1989 1990 --top 5 --out years.csv`
    """
    from laborllm import api
    from laborllm.cli.data.unknown import report_unknown
    from laborllm.forecasting.export import require_table, write_table
    from laborllm.forecasting.simulation.simulate import simulate as continue_careers
    from laborllm.forecasting.summaries import probabilities
    from laborllm.storage import make_folder

    require_table(out, "long", top)
    make_folder(out.resolve().parent)
    careers = api.read_panel(panel).draw(split, workers, seed=seed)
    fitted = api.load(run)
    paths = continue_careers(fitted, careers, years=years, draws=draws, seed=seed)
    report_unknown({str(run): fitted}, careers)
    table = probabilities(paths, top=top)
    write_table(table, out)
    print(f"{out}: {len(table):,} rows, {len(paths.workers):,} workers on {draws:,} paths each", file=sys.stderr)
