"""The verb that says how the forecast of people would differ if their records said something else."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from laborllm.cli.ahead.people import READ_SO, Draws, PeopleFile, ReadSo, TopOfYear, Years, code_of, require_top
from laborllm.cli.options import RunFolder, Seed
from laborllm.cli.places import TO_FILE

if TYPE_CHECKING:
    from laborllm.forecasting.simulation.result import Difference

SHOWN = 5  # differences of a year that are printed, unless --top says how many


def what_if(
    run: RunFolder,
    people: PeopleFile,
    /,
    *,
    years: Years,
    out: Annotated[Path | None, TO_FILE] = None,
    education: str | None = None,
    region: str | None = None,
    last_occupation: str | None = None,
    out_of_work: bool = False,
    top: TopOfYear = None,
    draws: Draws = 1000,
    seed: Seed = 0,
    read: ReadSo = READ_SO,
) -> None:
    """Write how the forecast of people would differ if their records said something else.

    It is the difference between people whose records say one thing and people whose records say another, on the same
    random numbers, and no effect of changing a record. Without `--out`, the largest differences on average are printed.

    Example: `laborllm what-if run people.csv --years 2026 2028 --education "bachelor's degree" --out difference.csv`

    Args:
        out: File to write; its name says the format: .parquet, .csv or .dta (Stata). Default: print the largest
            differences.
        education: The education of the last year, and after it.
        region: The region.
        last_occupation: Code or title of the occupation of the last year.
        out_of_work: The last year is one without work.
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

    if out is not None:
        require_table(out, "long", top)
    require_top(top)
    fitted = api.load(run)
    code = None if last_occupation is None else code_of(last_occupation, fitted.record.taxonomy)
    opened = as_read(fitted, careers_of(people, read, before=min(years))).open(years)
    other = if_records_said(opened, education=education, region=region, last_occupation=code, out_of_work=out_of_work)
    difference = compare(fitted, opened, other, draws=draws, seed=seed)
    if out is None:
        print("\n".join(_lines(difference, top or SHOWN)))
        return
    table = hub_differences(difference, fitted.spec.name, top=top)
    make_folder(out.resolve().parent)
    write_table(table, out)
    print(
        f"{out}: {len(table):,} rows: people whose record says this, less the same people as they are", file=sys.stderr
    )


def _lines(difference: "Difference", top: int) -> list[str]:
    """A line for each year: the occupations whose share differs most, on average of all people, in points of a hundred.

    The number in brackets is the Monte Carlo standard error of a mean of people whose draws are independent.
    """
    people, years, _ = difference.probability.shape
    mean = 100 * difference.probability.mean(axis=0)
    error = 100 * (difference.error.astype(float) ** 2).sum(axis=0) ** 0.5 / people
    lines = [f"of 100 people whose record says this, less of 100 as they are ({people:,} people):"]
    for year in range(years):
        largest = abs(mean[year]).argsort(kind="stable")[::-1][:top]
        said = [f"{mean[year, at]:+.1f} ({error[year, at]:.1f}) {difference.taxonomy.titles[at]}" for at in largest]
        lines.append(f"{difference.years[0, year]}: {'; '.join(said)}")
    return lines
