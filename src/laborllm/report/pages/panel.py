"""A panel as one HTML page: how large it is, how it spreads over years, ages and occupations, what is known."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from laborllm.panel.files.store import Careers
from laborllm.panel.profile import EMPLOYED, group_transitions, records_by_year, states_by_age
from laborllm.panel.summary import Summary, summarise
from laborllm.privacy import SMALLEST_CELL
from laborllm.privacy.outputs import Output, new_output
from laborllm.report.describe import shown_values, years
from laborllm.report.figures import Chart
from laborllm.report.figures import panel as panel_figures
from laborllm.report.numbers import count, number, share
from laborllm.report.page import Figure, KeyNumber, Page, Section, render_page
from laborllm.report.pages.outputs import outputs_of_panel
from laborllm.report.table import Table, frame_table

COUNTS = ("workers", "records", "share")


def write_description(path: Path, careers: Careers) -> Summary:
    """Write the page of a panel; next to it, `disclosure.json` says what was checked.

    Args:
        path: HTML file to write.
        careers: The panel, or the file that holds it, which is then read some careers at a time.

    Returns:
        The summary that the page shows.

    Raises:
        StorageError: The file cannot be written.
    """
    outputs: list[Output] = []
    with new_output(path, outputs) as file:
        summary = summarise(careers)
        frames = {
            "records by year": records_by_year(careers),
            "states by age": states_by_age(careers),
            "from group to group": group_transitions(careers),
        }
        outputs += outputs_of_panel(summary, frames)
        page = Page(
            title=f"The panel {careers.dataset}",
            headline=_headline(summary),
            key_numbers=_key_numbers(summary),
            sections=[section for section in _sections(careers, summary, frames) if section.figures or section.tables],
            facts=_facts(careers, summary),
        )
        file.write_text(render_page(page, "panel.html.j2", fewest_workers=SMALLEST_CELL), encoding="utf-8")
    return summary


def _headline(summary: Summary) -> str:
    size = f"{count(summary.records)} records of {count(summary.workers)} workers"
    if summary.open_records:
        size += f", and {count(summary.open_records)} open records"
    if summary.stay_rate is None:
        return f"{size}; years: {years(summary)}."
    return f"{size}; years: {years(summary)}; {share(summary.stay_rate)} repeat the occupation of the record before."


def _key_numbers(summary: Summary) -> list[KeyNumber]:
    average, middle = summary.records_per_worker
    return [
        KeyNumber(count(summary.workers), "workers"),
        KeyNumber(count(summary.records), "records"),
        KeyNumber(number(average), f"records per worker; median {middle:g}"),
        KeyNumber(count(summary.occupations_seen), f"occupations that occur, of {count(summary.taxonomy_size)}"),
    ]


def _sections(careers: Careers, summary: Summary, frames: dict[str, pl.DataFrame]) -> Iterable[Section]:
    states = _states(careers)
    years, ages, transitions = frames.values()
    yield _years(years, states)
    yield _ages(ages, states)
    yield _transitions(transitions)
    yield _occupations(summary)
    yield _covariates(summary)
    yield _rows(summary)


def _years(frame: pl.DataFrame, states: list[str]) -> Section:
    words = "A record is one worker in one year: employed in an occupation, or in a state without a job."
    caption = f"Records of each year. What fewer than {SMALLEST_CELL} workers share is not drawn."
    chart = panel_figures.records_by_year(frame, [EMPLOYED, *states])
    return Section("Years", words, _figures(frame.with_columns(pl.col("year").cast(pl.String)), chart, caption))


def _ages(frame: pl.DataFrame, states: list[str]) -> Section:
    words = "Who is without a job, and how, by the worker's age: the year less the year of birth."
    caption = (
        f"The share of records in each state. Ages at which fewer than {SMALLEST_CELL} workers are in it are left out."
    )
    chart = panel_figures.states_by_age(frame, states)
    return Section("States by age", words, _figures(frame, chart, caption))


def _transitions(frame: pl.DataFrame) -> Section:
    words = (
        "From each record to the worker's next, between the major groups of the taxonomy. The diagonal holds those who "
        "stay in a group, though not always in an occupation."
    )
    caption = (
        "Rows: the group of a record. Columns: the group of the worker's next one. The stronger the colour, the larger "
        f"the share of the row. Cells with fewer than {SMALLEST_CELL} workers are empty."
    )
    groups = list(dict.fromkeys([*frame["group"], *frame["next_group"]]))
    chart = panel_figures.group_transitions(frame, groups)
    return Section("From one record to the next", words, _figures(frame, chart, caption))


def _occupations(summary: Summary) -> Section:
    words = (
        f"{count(summary.occupations_seen)} of the {count(summary.taxonomy_size)} occupations of the taxonomy occur. "
        f"{count(summary.withheld)} of them are not shown: fewer than {SMALLEST_CELL} workers have them, or "
        "they would give such away."
    )
    tables = [
        _frequent("The most frequent occupations", "occupation", summary.occupations),
        _frequent("States", "state", summary.states),
    ]
    return Section("Occupations and states", words, tables=tuple(table for table in tables if table.rows))


def _covariates(summary: Summary) -> Section:
    frame = summary.covariates.with_columns(pl.col("covariate").str.replace("_", " "))
    words = "A covariate that is not known of a record is left out of the career text."
    caption = "The share of records in which each covariate is known."
    chart = panel_figures.covariates_known(frame.drop_nulls("known"))
    covariates = summary.covariates.iter_rows()
    rows = tuple(
        (name.replace("_", " "), share(known), shown_values(name, values)) for name, known, values in covariates
    )
    table = Table("Covariates, and the values that occur", ("covariate", "known", "values"), rows, words=(0, 2))
    figures = _figures(frame.select("covariate", "known").drop_nulls("known"), chart, caption)
    return Section("What is known of the workers", words, figures, (table,))


def _rows(summary: Summary) -> Section:
    words = "Every row of the source became a record or is counted under the reason why not."
    rows = tuple((what, count(rows)) for what, rows in summary.row_counts)
    splits = tuple((split, count(workers), count(records)) for split, workers, records in summary.splits.iter_rows())
    tables = (
        Table("Rows of the source", ("what became of them", "rows"), rows),
        Table(f"Splits, by {summary.split_by}", ("split", "workers", "records"), splits),
    )
    return Section("Where the rows went", words, tables=tables)


def _figures(frame: pl.DataFrame, chart: Chart, caption: str) -> tuple[Figure, ...]:
    """The figure of a frame; none where every number is withheld."""
    return (Figure(chart, frame_table("The numbers of this figure", frame), caption),) if frame.height else ()


def _frequent(title: str, of: str, found: pl.DataFrame) -> Table:
    shown = found.select("title", *COUNTS).iter_rows()
    rows = tuple((name, count(workers), count(records), share(part)) for name, workers, records, part in shown)
    return Table(title, (of, *COUNTS), rows)


def _states(careers: Careers) -> list[str]:
    return [careers.taxonomy.title(state) for state in careers.taxonomy.states]


def _facts(careers: Careers, summary: Summary) -> dict[str, str]:
    files = {f"SHA-256 of {name}": digest for name, digest in careers.provenance.files.items()}
    facts = {
        "Source": careers.provenance.source,
        "Taxonomy": f"{careers.taxonomy.name}, {len(careers.taxonomy)} occupations",
        "Weights": summary.weight_kind,
        "Fingerprint": careers.fingerprint,
    }
    notes = summary.provenance.notes.items()
    return facts | {name[:1].upper() + name[1:]: text for name, text in notes} | files
