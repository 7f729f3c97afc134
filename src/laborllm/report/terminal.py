"""An evaluation on the terminal: who does best, by how much, and how sure that is."""

import sys
from collections.abc import Sequence
from io import StringIO
from typing import TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from laborllm.evaluation import Evaluation
from laborllm.privacy import SMALLEST_CELL
from laborllm.report.findings import headline
from laborllm.report.numbers import MISSING, count
from laborllm.report.table import Table
from laborllm.report.tables import about_table, comparison_table, group_table, groups_of, perplexity_table

WIDTH = 100  # columns where the output is no terminal
NAME = 26  # columns kept for the name of a model
ROWS = 24  # rows of a group's table from which it is left to the report
FINDINGS = {"lower": "green", "higher": "red", "inconclusive": "dim"}


def show(evaluation: Evaluation, file: TextIO | None = None, *, tables: Sequence[Table] | None = None) -> None:
    """Print an evaluation: in colour on a terminal, plain text elsewhere.

    Args:
        evaluation: What was found.
        file: Where to; default: standard output.
        tables: In place of the tables of models, of their differences from the reference, and of what they are.
    """
    console = Console(file=file or sys.stdout, highlight=False)
    if console.is_terminal:
        console.print(render(evaluation, tables))
    else:
        print(plain(evaluation, tables), file=file or sys.stdout)


def plain(evaluation: Evaluation, tables: Sequence[Table] | None = None) -> str:
    """The headline and tables of an evaluation as text of at most 100 columns, without colour."""
    console = Console(file=StringIO(), highlight=False, width=WIDTH, color_system=None)
    with console.capture() as captured:
        console.print(render(evaluation, tables))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def render(evaluation: Evaluation, tables: Sequence[Table] | None = None) -> RenderableType:
    """The headline, the tables, and what stands behind them."""
    shown = _tables(evaluation) if tables is None else tables
    parts = [part for table in shown for part in (Text(), Text(_caption(table)), _rich(table))]
    return Group(Text(headline(evaluation), style="bold"), *parts, _footing(evaluation))


def _tables(evaluation: Evaluation) -> list[Table]:
    groups = [group_table(evaluation, group) for group in groups_of(evaluation) if group != "transition"]
    short = [table for table in groups if table is not None and len(table.rows) <= ROWS]
    found = [perplexity_table(evaluation), comparison_table(evaluation), *short, about_table(evaluation)]
    return [table for table in found if table is not None and len(table.header) > 1]


def _caption(table: Table) -> str:
    return f"{table.title}. {table.note}" if table.note else table.title


def _rich(table: Table) -> RichTable:
    shown = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    for at, name in enumerate(table.header):
        words = at in table.words
        longest = max(len(row[at]) for row in table.rows)
        shown.add_column(
            Text(name if words else "\n".join(name.rsplit(" ", 1)) if len(name) > longest else name),
            justify="left" if words else "right",
            no_wrap=not words,
            min_width=min(longest, NAME) if at == 0 else None,
        )
    for row in table.rows:
        shown.add_row(*(Text(cell, style=FINDINGS.get(cell, "") if at else "bold") for at, cell in enumerate(row)))
    return shown


def _footing(evaluation: Evaluation) -> Text:
    overall = evaluation.estimates.row(0, named=True)
    drawn = evaluation.cluster if evaluation.strata is None else f"{evaluation.cluster} within {evaluation.strata}"
    weighted = "" if evaluation.weights == "none" else f" Records are weighted ({evaluation.weights})."
    skipped = f" ({evaluation.open_records:,} open records are skipped)" if evaluation.open_records else ""
    people = f"{count(overall['records'])} records of {count(overall['workers'])} workers"
    if overall["workers"] is None:
        people = f"Records of fewer than {SMALLEST_CELL} workers"
    return Text(
        f"\n{people}{skipped}; 95 % intervals from "
        f"{evaluation.draws:,} draws by {drawn}, the same for every model.{weighted} Perplexity is over the titles of "
        "the taxonomy, raw before normalising. stay, move: the same occupation as in the record before, or another. "
        f"{MISSING}: not computed, or withheld: fewer than {SMALLEST_CELL} workers are behind it, or it gives such a "
        "number away.",
        style="dim",
    )
