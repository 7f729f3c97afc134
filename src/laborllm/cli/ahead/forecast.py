"""The verb that forecasts."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from laborllm.cli.ahead.people import READ_SO, MustMove, PeopleFile, ReadSo, as_panel_file
from laborllm.cli.options import (
    Machines,
    MaxLogPplShift,
    MaxTV,
    Memory,
    RunFolder,
    Scoring,
    ScoringWeights,
    Seed,
    Tolerance,
)
from laborllm.forecasting.engines.engine import LOCAL
from laborllm.lm.scoring.options import ScoringOptions

DEFAULT = ScoringOptions()
SHOWN = 5  # people of whom the terminal says where a hundred like them go
Layout = Literal["long", "wide", "people"]


def forecast(
    run: RunFolder,
    people: PeopleFile,
    /,
    *,
    out: Annotated[Path, Parameter(help="File to write; its name says the format: .parquet, .csv or .dta (Stata).")],
    layout: Annotated[
        Layout | None,
        Parameter(
            help="A table for other programs: `long`, a row per record and occupation; `wide`, a column per "
            "occupation; `people`, of 100 people with that history how many stay, move, do something else. Default: "
            "`long` for .csv and .dta; for .parquet a file of forecasts, which `evaluate` reads."
        ),
    ] = None,
    top: Annotated[
        int | None, Parameter(help="This many occupations of each record; default: all, and 5 in the layout `people`.")
    ] = None,
    year: Annotated[
        int | None,
        Parameter(help="Forecast only where each worker is in this year, after her last record; default: all records."),
    ] = None,
    must_move: MustMove = False,
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
    engine: Machines = LOCAL,
    read: ReadSo = READ_SO,
) -> None:
    """Write the probability of every occupation for every record, each given the records before it.

    People come as a panel, a list of jobs or resumes. With `--layout people`, what is said of the first few is printed.

    A forecast that is interrupted resumes where it stopped when the same command is given again: the parts that are
    ready are kept next to the file until it is whole.

    Example: `laborllm forecast runs/transition nlswork.parquet --year 1990 --top 5 --out next.csv`
    """
    from laborllm import api
    from laborllm.cli.data.unknown import report_unknown
    from laborllm.forecasting.engines.to_file import forecast_to_file
    from laborllm.forecasting.export import require_table
    from laborllm.forecasting.in_year import InYear
    from laborllm.models.must_move import MustMove as MustMovers
    from laborllm.models.registry import state_of
    from laborllm.models.scored import WithScoring
    from laborllm.panel.files.store import PanelFile
    from laborllm.storage import make_folder

    require_table(out, layout or "long", top)
    as_table = layout is not None or top is not None or out.suffix != ".parquet"
    options = ScoringOptions(scoring, tolerance, memory, scoring_weights, max_tv, max_log_ppl_shift)
    fitted = api.load(run)
    model = WithScoring(MustMovers(fitted) if must_move else fitted, options)
    make_folder(out.resolve().parent)
    whole = out.with_name(f"{out.name}.forecasts.parquet") if as_table else out
    identity = f"{state_of(run)}\n{options}\n{year}\n{must_move}"
    with as_panel_file(people, read) as panel:
        careers = PanelFile.open(panel).select(split, workers, seed=seed)
        report_unknown({str(run): fitted}, careers)
        records = forecast_to_file(
            model if year is None else InYear(model, year), careers, whole, identity=identity, engine=engine
        )
        if as_table:
            _convert(whole, out, panel, layout=layout or "long", top=top)
        else:
            print(f"{out}: forecasts of {records:,} records", file=sys.stderr)


def _convert(whole: Path, out: Path, panel: Path, *, layout: Layout, top: int | None) -> None:
    """Write a file of forecasts as a table, and remove it."""
    from laborllm import api
    from laborllm.forecasting.export import write_forecast
    from laborllm.forecasting.frequencies import TOP, next_frequencies
    from laborllm.models.forecasts.forecast import Forecast
    from laborllm.report.sentences import sentences

    found = Forecast.load(whole)
    careers = api.read_panel(panel)
    rows = write_forecast(found, careers, out, layout=layout, top=top)
    print(f"{out}: {rows:,} rows of {len(found.records):,} records, in the {layout} layout", file=sys.stderr)
    if layout == "people":
        print("\n".join(sentences(next_frequencies(found, careers, top=top or TOP), SHOWN)))
    whole.unlink()
