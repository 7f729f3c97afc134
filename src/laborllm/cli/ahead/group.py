"""The verb that says where a group of people is in the years to come."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

from cyclopts import Parameter

from laborllm.cli.ahead.people import READ_SO, Draws, MustMove, PeopleFile, ReadSo, Years
from laborllm.cli.options import RunFolder, Seed
from laborllm.cli.places import TO_FILE, TO_FOLDER
from laborllm.errors import OptionError

if TYPE_CHECKING:
    import polars as pl

    from laborllm.forecasting.groups.common_error import CommonError
    from laborllm.forecasting.simulation.result import Simulation
    from laborllm.panel import Panel
    from laborllm.privacy.outputs import Output

ChartOf = Literal["shares", "counts", "flows", "careers"]
Rates = Annotated[
    Path | None,
    Parameter(
        help="Rates that laborllm backtest wrote of this model, on people not tested: intervals then hold the error "
        "that all people of a group share; default: known of a model that comes with laborllm."
    ),
]


class Held(TypedDict):
    """What the intervals hold."""

    sampled: bool
    level: float
    common_error: "CommonError | None"


def group(
    run: RunFolder,
    people: PeopleFile,
    /,
    *,
    years: Years,
    out: Annotated[Path | None, TO_FILE] = None,
    page: Annotated[Path | None, TO_FILE] = None,
    chart: Annotated[Path | None, TO_FILE] = None,
    chart_of: ChartOf = "shares",
    tables: Annotated[Path | None, TO_FOLDER] = None,
    refits: list[Path] | None = None,
    rates: Rates = None,
    by: str | None = None,
    major: bool = False,
    sampled: bool = False,
    must_move: MustMove = False,
    level: float = 0.9,
    draws: Draws = 1000,
    seed: Seed = 0,
    read: ReadSo = READ_SO,
) -> None:
    """Say where a group of people is by year, with intervals; as a table, a chart, and a page.

    Example: `laborllm group run people.csv --years 2026 2028 2030 --page people.html --out people.csv`

    Args:
        out: Table to write; its name says the format: .parquet, .csv or .dta (Stata).
        page: HTML page to write, complete in one file.
        chart: Chart to write: .svg or .png.
        chart_of: What the chart shows: `shares` of groups of occupations by year, their `counts` with intervals,
            `flows` of people between groups, or `careers` that the model drew.
        tables: Folder of tables to write, person by person: natural frequencies, time in groups of occupations, moves,
            survival in the occupation, return to work.
        refits: Run folders of the same model fitted with `--resampled`: the intervals hold them too.
        by: A column of the panel, such as gender: a group for each value.
        major: Write major groups of occupations, not single ones.
        sampled: The people are a sample: the intervals hold who is in it.
        level: Share of futures that an interval holds.
    """
    from laborllm.cli.ahead.people import careers_of
    from laborllm.forecasting.groups.common_error import common_error_of
    from laborllm.forecasting.groups.shares import group_shares, values_by_worker, without_small_groups
    from laborllm.forecasting.hub import hub_shares

    _require(out, chart, chart_of, level, years)
    held: Held = {"sampled": sampled, "level": level, "common_error": common_error_of(run, rates)}
    careers = careers_of(people, read, before=min(years))
    groups = None if by is None else values_by_worker(careers, by)
    name, runs = _simulate([run, *(refits or [])], careers, years, draws, seed, must_move=must_move)
    shares = group_shares(runs, groups, major=True, **held)
    if out is not None:
        written = without_small_groups(shares if major else group_shares(runs, groups, **held))
        _write_table(out, hub_shares(written[0], name, level=level), written[1])
        print(f"{out}: where {careers.workers:,} people are in {len(years)} years", file=sys.stderr)
    if tables is not None:
        _write_tables(tables, runs)
    if chart is not None:
        _write_chart(chart, chart_of, runs, held)
    if page is not None:
        _write_page(page, name, runs, held)
    _show(*without_small_groups(shares), level)


def _simulate(
    models: list[Path], careers: "Panel", years: list[int], draws: int, seed: int, *, must_move: bool
) -> "tuple[str, list[Simulation]]":
    """The name of the first model, and the simulation of the careers by each."""
    from laborllm import api
    from laborllm.cli.data.unknown import report_unknown
    from laborllm.forecasting.simulation.simulate import simulate

    fitted = [api.load(path) for path in models]
    report_unknown({str(models[0]): fitted[0]}, careers)
    runs = [simulate(each, careers, years=years, draws=draws, seed=seed, must_move=must_move) for each in fitted]
    return fitted[0].spec.name, runs


def _show(shares: "pl.DataFrame", listed: "Output", level: float) -> None:
    """Print where groups are, and how many of them are withheld."""
    from laborllm.report.pages.people import people_lines

    if listed.withheld:
        print(f"groups withheld, as they or others are too small: {listed.withheld.total()}", file=sys.stderr)
    print("\n".join(people_lines(shares, level)))
    print(f"intervals hold: {', '.join(shares['holds'].unique())}", file=sys.stderr)


def _require(out: Path | None, chart: Path | None, chart_of: str, level: float, years: "Sequence[int]") -> None:
    """Refuse what could not be written, before any work."""
    from laborllm.forecasting.export import require_table
    from laborllm.forecasting.groups.shares import require_level
    from laborllm.report.charts import require_chart

    require_level(level)
    if out is not None:
        require_table(out, "long", None)
    if chart is not None:
        require_chart(chart)
        if chart_of in ("flows", "careers") and len(set(years)) < 2:
            raise OptionError(f"a chart of {chart_of} is of two years or more, not of {years[0]} alone")


def _write_table(out: Path, table: "pl.DataFrame", listed: "Output") -> None:
    from laborllm.forecasting.table_files import write_table
    from laborllm.storage import make_folder

    make_folder(out.resolve().parent)
    write_table(table, out, outputs=[listed])


def _write_tables(folder: Path, runs: "Sequence[Simulation]") -> None:
    from laborllm.forecasting.frequencies import person_tables
    from laborllm.privacy.outputs import Output

    for name, table in person_tables(runs).items():
        _write_table(folder / f"{name}.csv", table, Output(name, refused="a row for each person"))
    print(f"{folder}: tables of each person", file=sys.stderr)


def _write_chart(chart: Path, chart_of: ChartOf, runs: "list[Simulation]", held: Held) -> None:
    from laborllm.forecasting.groups import charted
    from laborllm.report import figures
    from laborllm.report.charts import write_chart
    from laborllm.storage import make_folder

    match chart_of:
        case "shares":
            figure = figures.shares_by_year(charted.chart_shares(runs))
        case "counts":
            figure = figures.fan(charted.chart_counts(runs, **held))
        case "flows":
            figure = figures.river(charted.chart_flows(runs[0]))
        case "careers":
            figure = figures.index_plot(charted.chart_careers(runs[0]))
    make_folder(chart.resolve().parent)
    write_chart(figure, chart, outputs=[_all_of(runs)])
    print(f"{chart}: {chart_of} by year", file=sys.stderr)


def _write_page(page: Path, model: str, runs: "list[Simulation]", held: Held) -> None:
    from laborllm import api
    from laborllm.report.pages.people import write_people_page
    from laborllm.storage import make_folder

    futures = api.people_futures(runs, model=model, **held)
    make_folder(page.resolve().parent)
    write_people_page(page, futures, outputs=[_all_of(runs)])
    print(f"{page}: open it in a browser", file=sys.stderr)


def _all_of(runs: "list[Simulation]") -> "Output":
    """What is checked of a picture: all people are one group in it."""
    import polars as pl

    from laborllm.forecasting.groups.shares import without_small_groups

    return without_small_groups(pl.DataFrame({"group": ["all"], "workers": [len(runs[0].workers)]}))[1]
