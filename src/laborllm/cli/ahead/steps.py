"""The verb that says where people go from an occupation, and where they come from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from laborllm.cli.ahead.people import code_of, require_top
from laborllm.cli.options import RunFolder
from laborllm.cli.places import TO_FOLDER
from laborllm.errors import OptionError, PanelError

if TYPE_CHECKING:
    import polars as pl

    from laborllm.forecasting.groups.mobility import Mobility

YEAR = 2025
OF_ENOUGH = "people rounded to fives; occupations that fewer than ten people go on from are left out"


def steps(
    run: RunFolder,
    occupation: str,
    /,
    *,
    people: Path | None = None,
    year: int = YEAR,
    top: int = 10,
    wages: str | None = None,
    tables: Annotated[Path | None, TO_FOLDER] = None,
) -> None:
    """Say where people go from an occupation, where they come from, what they reach in two moves, and what is similar.

    Example: `laborllm steps nlsy "Registered nurses" --top 5`

    Args:
        occupation: Code or title of an occupation of the model's taxonomy.
        people: Panel file: flows of these people, out of occupations that at least ten of them are in; default: of
            people of whom only the occupation is known.
        year: The year of the steps, where no people are given.
        top: Occupations in each table.
        wages: A column of pay of the panel: only occupations are reachable whose typical pay is known and no less.
        tables: Folder to write the tables to, as CSV, in full.
    """
    from laborllm import api
    from laborllm.forecasting.groups import mobility as flows
    from laborllm.forecasting.groups.similar import similar_occupations
    from laborllm.forecasting.groups.steps import feeders, next_steps, typical_wages
    from laborllm.forecasting.table_files import write_table
    from laborllm.models.contract import HasVectors
    from laborllm.privacy import SMALLEST_CELL
    from laborllm.privacy.outputs import checked
    from laborllm.storage import make_folder

    require_top(top)
    if wages is not None and people is None:
        raise OptionError("pay is known of people at hand only", hint="name a panel with --people")
    fitted = api.load(run)
    code = code_of(occupation, fitted.record.taxonomy)
    panel = flows.typical_careers(fitted, year=year) if people is None else api.read_panel(people)
    pay = None if wages is None else typical_wages(panel, wages)
    found = flows.mobility(fitted, panel)
    if people is None:
        coming = found.in_the_long_run()
    else:
        found = coming = found.without_few()
        if not found.people[found.column(code)]:
            raise PanelError(
                f"fewer than {SMALLEST_CELL} people of {people} go on from {found.taxonomy.title(code)}: where so few "
                "go is not shown"
            )
    of = {
        "next steps": next_steps(found, code, top=top),
        "feeders": feeders(coming, code, top=top),
        "reachable": _reached(found, code, pay),
    }
    if isinstance(fitted, HasVectors):
        of["similar"] = similar_occupations(fitted, code, top=top)
    for name, table in of.items():
        print("\n".join(_lines(name, table, top)))
        if tables is not None:
            make_folder(tables)
            listed = [] if people is None else [checked(name, table, ["title"], said=OF_ENOUGH)]
            write_table(table, tables / f"{name.replace(' ', '_')}.csv", outputs=listed)


def _reached(found: "Mobility", code: str, pay: "pl.DataFrame | None") -> "pl.DataFrame":
    """What is reached from an occupation; of pay only its ratio is shown, as the median may be the pay of a person."""
    from laborllm.forecasting.groups.steps import reachable

    if pay is None:
        return reachable(found, code)
    paid = reachable(found, code, wages=pay, paying_no_less=True)
    return paid.drop("wage").with_columns(paid["wage_ratio"].round(2))


def _lines(name: str, table: "pl.DataFrame", top: int) -> list[str]:
    """A heading, and a line for each occupation with its share or similarity."""
    lines = [f"{name}:"]
    for row in table.head(top + 2).iter_rows(named=True):
        number = f"{100 * row['share']:5.1f} %" if "share" in row else f"{row['similarity']:7.2f}"
        kind, via = row.get("kind"), row.get("via")
        lines.append(f"  {number}  {row['title']}{' (stay)' if kind == 'stay' else ''}{f' (via {via})' if via else ''}")
    return lines
