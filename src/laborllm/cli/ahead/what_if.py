"""The verb that asks what people are forecast whose records say something else."""

import sys
from typing import Annotated

from cyclopts import Parameter

from laborllm.cli.ahead.people import READ_SO, Draws, PeopleFile, ReadSo, TopOfYear, Years
from laborllm.cli.options import RunFolder, Seed, TableFile


def what_if(
    run: RunFolder,
    people: PeopleFile,
    /,
    *,
    years: Years,
    out: TableFile,
    education: Annotated[str | None, Parameter(help="The education of the last year, and after it.")] = None,
    region: Annotated[str | None, Parameter(help="The region.")] = None,
    last_occupation: Annotated[str | None, Parameter(help="Code of the occupation of the last year.")] = None,
    out_of_work: Annotated[bool, Parameter(help="The last year is one without work.")] = False,
    top: TopOfYear = None,
    draws: Draws = 1000,
    seed: Seed = 0,
    read: ReadSo = READ_SO,
) -> None:
    """Write how the forecast of people would differ if their records said something else.

    It is the difference between people whose records say one thing and people whose records say another, on the same
    random numbers, and no effect of changing a record.

    Example: `laborllm what-if run people.csv --years 2026 2028 --education "bachelor's degree" --out difference.csv`
    """
    from laborllm import api
    from laborllm.cli.ahead.people import careers_of
    from laborllm.forecasting.export import require_table
    from laborllm.forecasting.hub import hub_differences
    from laborllm.forecasting.simulation.versions import if_records_said
    from laborllm.forecasting.simulation.what_if import what_if as compare
    from laborllm.forecasting.table_files import write_table
    from laborllm.models.taxonomies import as_read
    from laborllm.storage import make_folder

    require_table(out, "long", top)
    fitted = api.load(run)
    opened = as_read(fitted, careers_of(people, read, before=min(years))).open(years)
    other = if_records_said(
        opened, education=education, region=region, last_occupation=last_occupation, out_of_work=out_of_work
    )
    difference = compare(fitted, opened, other, draws=draws, seed=seed)
    table = hub_differences(difference, fitted.spec.name, top=top)
    make_folder(out.resolve().parent)
    write_table(table, out)
    print(
        f"{out}: {len(table):,} rows: people whose record says this, less the same people as they are", file=sys.stderr
    )
