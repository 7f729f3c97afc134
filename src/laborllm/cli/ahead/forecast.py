"""The verb that forecasts."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from laborllm.cli.ahead.people import READ_SO, MustMove, PeopleFile, ReadSo, as_panel_file
from laborllm.cli.options import SCORED_SO, Machines, RunFolder, ScoredSo, Seed, SomeSplit, SomeWorkers, TableFile
from laborllm.forecasting.engines.engine import LOCAL

if TYPE_CHECKING:
    from laborllm.lm.scoring.options import ScoringOptions
    from laborllm.models.contract import Fitted, Forecaster

SHOWN = 5  # people of whom the terminal says where a hundred like them go
Layout = Literal["long", "wide", "people"]
AsTable = Annotated[
    Layout | None,
    Parameter(
        help="A table for other programs: `long`, a row per record and occupation; `wide`, a column per occupation; "
        "`people`, of 100 people with that history how many stay, move, do something else. Default: `long` for .csv "
        "and .dta; for .parquet a file of forecasts, which `evaluate` reads."
    ),
]
Top = Annotated[
    int | None, Parameter(help="This many occupations of each record; default: all, and 5 in the layout `people`.")
]
OneYear = Annotated[
    int | None,
    Parameter(help="Forecast only where each worker is in this year, after her last record; default: all records."),
]


def forecast(
    run: RunFolder,
    people: PeopleFile,
    /,
    *,
    out: TableFile,
    layout: AsTable = None,
    top: Top = None,
    year: OneYear = None,
    must_move: MustMove = False,
    split: SomeSplit = None,
    workers: SomeWorkers = None,
    seed: Seed = 0,
    scoring: ScoredSo = SCORED_SO,
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
    from laborllm.models.registry import state_of
    from laborllm.panel.files.store import PanelFile
    from laborllm.storage import make_folder

    require_table(out, layout or "long", top)
    as_table = layout is not None or top is not None or out.suffix != ".parquet"
    whole = out.with_name(f"{out.name}.forecasts.parquet") if as_table else out
    options, fitted = scoring.options, api.load(run)
    model = _forecaster(fitted, options, year, must_move=must_move)
    identity = f"{state_of(run)}\n{options}\n{year}\n{must_move}"
    with as_panel_file(people, read) as panel:
        careers = PanelFile.open(panel).select(split, workers, seed=seed)
        report_unknown({str(run): fitted}, careers)
        make_folder(out.resolve().parent)
        records = forecast_to_file(model, careers, whole, identity=identity, engine=engine)
        if as_table:
            _convert(whole, out, panel, layout=layout or "long", top=top)
        else:
            print(f"{out}: forecasts of {records:,} records", file=sys.stderr)


def _forecaster(fitted: "Fitted", options: "ScoringOptions", year: int | None, *, must_move: bool) -> "Forecaster":
    """The model as it is asked: of one year or of all records, of whom must move or of all, with titles scored so."""
    from laborllm.forecasting.in_year import InYear
    from laborllm.models.must_move import MustMove as MustMovers
    from laborllm.models.scored import WithScoring

    model = WithScoring(MustMovers(fitted) if must_move else fitted, options)
    return model if year is None else InYear(model, year)


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
