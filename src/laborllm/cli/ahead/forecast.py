"""The verb that forecasts."""

import sys
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

from laborllm.cli.ahead.people import (
    FEW,
    READ_SO,
    MustMove,
    PeopleFile,
    ReadSo,
    as_panel_file,
    is_panel_file,
    next_year,
    require_few,
    require_top,
    require_unread,
    until_written,
)
from laborllm.cli.options import SCORED_SO, Machines, RunFolder, ScoredSo, Seed, SomeSplit, SomeWorkers
from laborllm.cli.places import TO_FILE
from laborllm.errors import OptionError
from laborllm.forecasting.engines.engine import LOCAL

if TYPE_CHECKING:
    from laborllm.lm.scoring.options import ScoringOptions
    from laborllm.models.contract import Fitted, Forecaster
    from laborllm.models.forecasts.store import ForecastFile
    from laborllm.panel.files.store import PanelFile

SHOWN = 5  # people of whom the terminal says where a hundred like them go
Layout = Literal["long", "wide", "people"]


def forecast(
    run: RunFolder,
    people: PeopleFile,
    /,
    *,
    out: Annotated[Path | None, TO_FILE] = None,
    layout: Layout | None = None,
    top: int | None = None,
    year: int | None = None,
    must_move: MustMove = False,
    split: SomeSplit = None,
    workers: SomeWorkers = None,
    seed: Seed = 0,
    scoring: ScoredSo = SCORED_SO,
    engine: Machines = LOCAL,
    read: ReadSo = READ_SO,
) -> None:
    """Write the probability of every occupation for every record, each given the records before it.

    People come as a panel, a list of jobs or resumes. With `--layout people`, what is said of the first few is printed;
    without `--out`, of all of up to thirty.

    A forecast that is interrupted resumes where it stopped when the same command is given again: the parts that are
    ready are kept next to the file until it is whole.

    Example: `laborllm forecast runs/transition nlswork.parquet --year 1990 --top 5 --out next.csv`

    Args:
        out: File to write; its name says the format: .parquet, .csv or .dta (Stata). Default: print what is said of
            each of a few people.
        layout: A table for other programs: `long`, a row per record and occupation; `wide`, a column per occupation;
            `people`, of 100 people with that history how many stay, move, do something else. Default: `long` for .csv
            and .dta; for .parquet a file of forecasts, which `evaluate` reads.
        top: This many occupations of each record; default: all, and 5 in the layout `people`.
        year: Forecast only where each worker is in this year, after her last record; default: all records of a panel,
            and the year after a list was true.
    """
    from laborllm import api
    from laborllm.cli.data.unknown import report_unknown
    from laborllm.forecasting.engines.to_file import forecast_to_file
    from laborllm.models.registry import state_of
    from laborllm.panel.files.store import PanelFile
    from laborllm.storage import make_folder

    is_panel = is_panel_file(people)
    year = next_year(people, read) if year is None and not is_panel else year
    layout = _layout_of(out, layout, top)
    options, fitted = scoring.options, api.load(run)
    model = _forecaster(fitted, options, year, must_move=must_move)
    identity = f"{state_of(run)}\n{options}\n{year}\n{must_move}"
    with as_panel_file(people, read, before=year) as panel, TemporaryDirectory() as folder:
        careers = PanelFile.open(panel).select(split, workers, seed=seed)
        report_unknown({str(run): fitted}, careers)
        if out is None:
            require_few(careers, a_row_each=year is not None)
        else:
            make_folder(out.resolve().parent)
        as_table = layout is not None or top is not None or out is None or out.suffix != ".parquet"
        whole = _whole(out, Path(folder), as_table=as_table)
        if whole != out:
            require_unread(whole, people)
        records = forecast_to_file(model, careers, whole, identity=identity, engine=engine)
        if as_table:
            _convert(whole, out, panel, layout=layout or "long", top=top, splits=is_panel)
        else:
            print(f"{out}: forecasts of {records:,} records", file=sys.stderr)


def _layout_of(out: Path | None, layout: Layout | None, top: int | None) -> Layout | None:
    """The layout that is written, or printed; what cannot be is refused, before any work."""
    from laborllm.forecasting.export import require_table

    if out is not None:
        require_table(out, layout or "long", top)
        return layout
    if layout not in (None, "people"):
        raise OptionError(f"the layout {layout} is written to a file, and not printed", hint="name one with --out")
    require_top(top)
    return "people"


def _whole(out: Path | None, folder: Path, *, as_table: bool) -> Path:
    """The file of forecasts: what is asked for, or next to it, as its parts are kept if the work is interrupted."""
    if out is None:
        return folder / "forecasts.parquet"
    return out.with_name(f"{out.name}.forecasts.parquet") if as_table else out


def _forecaster(fitted: "Fitted", options: "ScoringOptions", year: int | None, *, must_move: bool) -> "Forecaster":
    """The model as it is asked: of one year or of all records, of whom must move or of all, with titles scored so."""
    from laborllm.forecasting.in_year import InYear
    from laborllm.models.scored import WithScoring

    asked: Forecaster = fitted
    if must_move:
        from laborllm.models.must_move import MustMove as MustMovers  # brings torch, which counting does not need

        asked = MustMovers(fitted)
    model = WithScoring(asked, options)
    return model if year is None else InYear(model, year)


def _convert(whole: Path, out: Path | None, panel: Path, *, layout: Layout, top: int | None, splits: bool) -> None:
    """Write a file of forecasts as a table, and remove it; or print what it says of each person."""
    from laborllm.forecasting.export import write_forecast_file
    from laborllm.models.forecasts.store import ForecastFile
    from laborllm.panel.files.store import PanelFile

    of_forecasts = "a file of forecasts, which `laborllm evaluate` reads"
    with nullcontext() if out is None else until_written(whole, of_forecasts):
        found, careers = ForecastFile.open(whole), PanelFile.open(panel)
        if out is not None:
            rows = write_forecast_file(found, careers, out, layout=layout, top=top, splits=splits)
            print(f"{out}: {rows:,} rows of {len(found):,} records, in the {layout} layout", file=sys.stderr)
        if layout == "people":
            print("\n".join(_said(found, careers, FEW if out is None else SHOWN, top)))


def _said(found: "ForecastFile", careers: "PanelFile", shown: int, top: int | None) -> list[str]:
    """What a file of forecasts says of the first few workers."""
    from polars import concat

    from laborllm.forecasting.frequencies import TOP, next_frequencies
    from laborllm.report.sentences import sentences

    tables, workers = [], 0
    for few, of in found.portions(careers, FEW):
        tables.append(next_frequencies(few, of, top=top or TOP))
        workers += few.records["worker"].n_unique()
        if workers >= shown:
            break
    return sentences(concat(tables), shown, workers=found.workers)
