"""A panel's summary for reading: on the terminal, and as JSON for a script."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from textwrap import shorten

import polars as pl

from laborllm.panel.summary import Summary
from laborllm.privacy import SMALLEST_CELL

WIDTH = 100
LABEL = 46
NUMBER = 10
FEW = 100  # workers; of fewer, chance may leave a split empty
COUNTS = ("workers", "records", "share")


@dataclass(frozen=True)
class Line:
    """One line of a section: its label, cells aligned to the right, then words."""

    label: str
    cells: Sequence[str]
    words: str = ""


def as_text(summary: Summary) -> str:
    """Some fifty aligned lines of at most 100 characters."""
    sections = [
        _section(summary.dataset, (), _size(summary)),
        _section("States", COUNTS, _frequent(summary.states)),
        _section("Occupations, the most frequent", COUNTS, _frequent(summary.occupations)),
        _section("Covariates", ("known",), _covariates(summary.covariates)),
        _section("Columns of your own", ("known",), _own_columns(summary.columns)),
        _section(f"Splits, by {summary.split_by}", COUNTS[:2], _splits(summary.splits)),
        _section("What so few people allow", (), _allowed(summary)),
        _section("Rows of the source", ("rows",), _rows(summary.row_counts)),
        _notes(summary.provenance.notes),
    ]
    return "\n\n".join(section for section in sections if section)


def as_json(summary: Summary) -> str:
    """Every field of the summary; a frame becomes a list of objects."""
    content = {field.name: getattr(summary, field.name) for field in fields(summary)}
    content["provenance"] = {name: asdict(summary.provenance)[name] for name in ("source", "files", "notes")}
    content["row_counts"] = dict(summary.row_counts)
    plain = {name: value.to_dicts() if isinstance(value, pl.DataFrame) else value for name, value in content.items()}
    return json.dumps(plain, indent=2)


def _size(summary: Summary) -> Iterable[Line]:
    average, middle = summary.records_per_worker
    yield Line("workers", [f"{summary.workers:,}"])
    yield Line("records", [f"{summary.records:,}"])
    if summary.open_records:
        yield Line("open records, without an occupation yet", [f"{summary.open_records:,}"])
    yield Line("years", [years(summary)])
    yield Line("records per worker", [f"{average:.1f}"], f"median {middle:g}")
    yield Line("same occupation as in the record before", [_percent(summary.stay_rate)])
    yield Line(
        f"occupations of taxonomy {summary.taxonomy} that occur",
        [f"{summary.occupations_seen}"],
        f"of {summary.taxonomy_size}",
    )
    yield Line("of them not shown, for too few workers", [f"{summary.withheld}"])
    yield Line("weights", [summary.weight_kind])


def years(summary: Summary) -> str:
    """The first year and the last in which enough workers have a record for it to be shown."""
    if summary.first_year is None:
        return f"none of {SMALLEST_CELL} workers or more"
    return f"{summary.first_year} to {summary.last_year}"


def _frequent(found: pl.DataFrame) -> Iterable[Line]:
    for row in found.iter_rows(named=True):
        yield Line(row["title"], [f"{row['workers']:,}", f"{row['records']:,}", _percent(row["share"])])


def _covariates(covariates: pl.DataFrame) -> Iterable[Line]:
    for covariate in covariates.iter_rows(named=True):
        words = shown_values(covariate["covariate"], covariate["values"])
        yield Line(covariate["covariate"], [_percent(covariate["known"])], words)


def _own_columns(columns: pl.DataFrame) -> Iterable[Line]:
    for column in columns.iter_rows(named=True):
        yield Line(column["column"], [_percent(column["known"])], column["type"])


def shown_values(covariate: str, values: list[str]) -> str:
    """The values of a covariate in a line: birth years as a range, the others one by one."""
    if covariate == "birth_year" and values:
        return " to ".join(sorted({min(values), max(values)}))
    return ", ".join(values)


def _splits(splits: pl.DataFrame) -> Iterable[Line]:
    for split in splits.iter_rows(named=True):
        yield Line(split["split"], [_count(split["workers"]), _count(split["records"])])


def _allowed(summary: Summary) -> Iterable[Line]:
    """What can be done with a small panel of which some split has no worker, or too few to be counted here."""
    workers: dict[str, int | None] = dict(summary.splits.select("split", "workers").iter_rows())
    if summary.workers >= FEW or all(workers.values()):
        return
    empty = [split for split in ("train", "valid") if workers[split] == 0]
    fits = f"no: no worker is in split {' or '.join(empty)}" if empty else "yes, but from few careers it learns little"
    evaluates = {
        0: "no: no worker is in split test",
        None: f"perhaps: each number takes {SMALLEST_CELL} workers of split test",
    }
    yield Line("a forecast of each of them", [], "yes, by a model that was fitted on others")
    yield Line("a model of their own", [], fits)
    yield Line("an evaluation", [], evaluates.get(workers["test"], "yes"))


def _rows(row_counts: Iterable[tuple[str, int | None]]) -> Iterable[Line]:
    for what, rows in row_counts:
        yield Line(what, [_count(rows)])


def _notes(notes: dict[str, str]) -> str:
    lines = [f"  {_short(f'{name}: {text}', WIDTH - 2)}" for name, text in notes.items()]
    return "\n".join(["Notes", *lines]) if lines else ""


def _section(heading: str, columns: Sequence[str], lines: Iterable[Line]) -> str:
    body = [_aligned(Line(f"  {_short(line.label, LABEL - 2)}", line.cells, line.words)) for line in lines]
    return "\n".join([_aligned(Line(heading, columns)), *body]) if body else ""


def _aligned(line: Line) -> str:
    start = line.label.ljust(LABEL) + "".join(f"{cell:>{NUMBER + 2}}" for cell in line.cells)
    return f"{start}  {_short(line.words, WIDTH - len(start) - 2)}".rstrip()


def _short(text: str, width: int) -> str:
    return shorten(text, width, placeholder=" ...")


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _percent(share: float | None) -> str:
    if share is None:
        return "-"
    return "> 99.9 %" if 0.9995 <= share < 1 else f"{100 * share:.1f} %"
