"""The verb that continues careers over years to come."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from laborllm.cli.ahead.people import READ_SO, Draws, MustMove, PeopleFile, ReadSo, TopOfYear, as_panel_file
from laborllm.cli.options import Machines, RunFolder, Seed, SomeSplit, SomeWorkers, TableFile
from laborllm.forecasting.engines.engine import LOCAL

SomeYears = Annotated[
    list[int] | None,
    Parameter(help="Years to simulate, all after the last record; default: the open records of the panel."),
]


def simulate(
    run: RunFolder,
    people: PeopleFile,
    /,
    *,
    years: SomeYears = None,
    out: TableFile,
    top: TopOfYear = None,
    draws: Draws = 1000,
    split: SomeSplit = None,
    workers: SomeWorkers = None,
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
    from laborllm.forecasting.export import require_table
    from laborllm.models.must_move import MustMove as MustMovers
    from laborllm.models.registry import state_of
    from laborllm.panel.files.store import PanelFile
    from laborllm.storage import make_folder

    require_table(out, "long", top)
    fitted = api.load(run)
    model, identity = MustMovers(fitted) if must_move else fitted, f"{state_of(run)}\n{must_move}"
    whole = out if out.suffix == ".parquet" else out.with_name(f"{out.name}.parquet")
    with as_panel_file(people, read) as panel:
        careers = PanelFile.open(panel).select(split, workers, seed=seed)
        report_unknown({str(run): fitted}, careers)
        make_folder(out.resolve().parent)
        rows = simulate_to_file(
            model, careers, whole, years=years, draws=draws, top=top, seed=seed, identity=identity, engine=engine
        )
    if whole != out:
        _convert(whole, out)
    print(f"{out}: {rows:,} rows, {draws:,} paths of each worker", file=sys.stderr)


def _convert(whole: Path, out: Path) -> None:
    """Write a Parquet file in another format, and remove it."""
    import polars as pl

    from laborllm.forecasting.export import write_table

    write_table(pl.read_parquet(whole), out)
    whole.unlink()
