"""The verb that continues careers over years to come."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from cyclopts import Parameter

from laborllm.cli.ahead.people import READ_SO, MustMove, PeopleFile, ReadSo, as_panel_file
from laborllm.cli.options import Machines, RunFolder, Seed
from laborllm.forecasting.engines.engine import LOCAL


def simulate(
    run: RunFolder,
    people: PeopleFile,
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
    must_move: MustMove = False,
    engine: Machines = LOCAL,
    read: ReadSo = READ_SO,
) -> None:
    """Write where workers are in each of several years, with the Monte Carlo error of every probability.

    A row per worker, year and occupation. Covariates are held at their last value. Groups and what-if are verbs
    of their own, other tables functions of the library.

    Example: `laborllm simulate runs/transition nlswork.parquet --years 1989 1990 --top 5 --out years.csv`
    """
    from laborllm import api
    from laborllm.cli.data.unknown import report_unknown
    from laborllm.forecasting.engines.to_file import simulate_to_file
    from laborllm.forecasting.export import require_table, write_table
    from laborllm.models.must_move import MustMove as MustMovers
    from laborllm.models.registry import state_of
    from laborllm.panel.files.store import PanelFile
    from laborllm.storage import make_folder

    require_table(out, "long", top)
    make_folder(out.resolve().parent)
    fitted = api.load(run)
    is_parquet = out.suffix == ".parquet"
    whole = out if is_parquet else out.with_name(f"{out.name}.parquet")
    with as_panel_file(people, read) as panel:
        careers = PanelFile.open(panel).select(split, workers, seed=seed)
        report_unknown({str(run): fitted}, careers)
        rows = simulate_to_file(
            MustMovers(fitted) if must_move else fitted,
            careers,
            whole,
            years=years,
            draws=draws,
            top=top,
            seed=seed,
            identity=f"{state_of(run)}\n{must_move}",
            engine=engine,
        )
    if not is_parquet:
        write_table(pl.read_parquet(whole), out)
        whole.unlink()
    print(f"{out}: {rows:,} rows, {draws:,} paths of each worker", file=sys.stderr)
