"""The verb that says where a group of people is in the years to come."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from laborllm.cli.ahead.people import READ_SO, MustMove, PeopleFile, ReadSo
from laborllm.cli.options import RunFolder, Seed


def group(
    run: RunFolder,
    people: PeopleFile,
    /,
    *,
    years: Annotated[list[int], Parameter(help="Years to forecast, all after the last record.")],
    out: Annotated[
        Path | None, Parameter(help="Table to write; its name says the format: .parquet, .csv or .dta (Stata).")
    ] = None,
    page: Annotated[Path | None, Parameter(help="HTML page to write, complete in one file.")] = None,
    chart: Annotated[Path | None, Parameter(help="Chart of the shares by year to write: .svg or .png.")] = None,
    tables: Annotated[
        Path | None,
        Parameter(
            help="Folder of tables to write, person by person: natural frequencies, time in groups of occupations, "
            "moves, survival in the occupation, return to work."
        ),
    ] = None,
    refits: Annotated[
        list[Path] | None,
        Parameter(help="Run folders of the same model fitted on resampled careers: the intervals hold them too."),
    ] = None,
    by: Annotated[str | None, Parameter(help="A column of the panel, such as gender: a group for each value.")] = None,
    major: Annotated[bool, Parameter(help="Write major groups of occupations, not single ones.")] = False,
    sampled: Annotated[bool, Parameter(help="The people are a sample: the intervals hold who is in it.")] = False,
    must_move: MustMove = False,
    level: Annotated[float, Parameter(help="Share of futures that an interval holds.")] = 0.9,
    draws: Annotated[int, Parameter(help="Paths of each person.")] = 1000,
    seed: Seed = 0,
    read: ReadSo = READ_SO,
) -> None:
    """Say where a group of people is by year, with intervals; as a table, a chart, and a page.

    Example: `laborllm group run people.csv --years 2026 2028 2030 --page people.html --out people.csv`
    """
    from laborllm import api
    from laborllm.cli.ahead.people import careers_of
    from laborllm.cli.data.unknown import report_unknown
    from laborllm.forecasting.export import require_table, write_table
    from laborllm.forecasting.frequencies import person_tables
    from laborllm.forecasting.groups.charted import chart_shares
    from laborllm.forecasting.groups.shares import group_shares, require_level, values_by_worker
    from laborllm.forecasting.hub import hub_shares
    from laborllm.forecasting.simulation.simulate import simulate
    from laborllm.report.charts import require_chart, write_chart
    from laborllm.report.figures import shares_by_year
    from laborllm.report.pages.people import people_lines, write_people_page
    from laborllm.storage import make_folder

    require_level(level)
    if out is not None:
        require_table(out, "long", None)
    if chart is not None:
        require_chart(chart)
    careers = careers_of(people, read)
    groups = None if by is None else values_by_worker(careers, by)
    models = [api.load(path) for path in [run, *(refits or [])]]
    report_unknown({str(run): models[0]}, careers)
    runs = [simulate(each, careers, years=years, draws=draws, seed=seed, must_move=must_move) for each in models]
    for path in (out, page, chart):
        if path is not None:
            make_folder(path.resolve().parent)
    if out is not None:
        table = group_shares(runs, groups, major=major, sampled=sampled, level=level)
        write_table(hub_shares(table, models[0].spec.name, level=level), out)
        print(f"{out}: where {careers.workers:,} people are in {len(years)} years", file=sys.stderr)
    if tables is not None:
        make_folder(tables)
        for name, table in person_tables(runs).items():
            write_table(table, tables / f"{name}.csv")
        print(f"{tables}: tables of each person", file=sys.stderr)
    if chart is not None:
        write_chart(shares_by_year(chart_shares(runs[0])), chart)
    if page is not None:
        write_people_page(page, api.people_futures(runs, model=models[0].spec.name, sampled=sampled, level=level))
        print(f"{page}: open it in a browser", file=sys.stderr)
    print("\n".join(people_lines(group_shares(runs, groups, major=True, sampled=sampled, level=level), level)))
