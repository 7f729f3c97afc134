"""Where a group of people is in the years to come: a page in one file, and lines for the terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from laborllm.occupations.taxonomy import STATE_GROUP
from laborllm.privacy.outputs import Output, new_output
from laborllm.report import figures
from laborllm.report.numbers import count
from laborllm.report.page import Figure, KeyNumber, Page, Section, render_page
from laborllm.report.table import Table, frame_table
from laborllm.storage import new_file

LISTED = 15  # occupations in the table of a page
NAMED = 4  # groups that a line names
NO_PROMISE = (
    "A forecast says how people with such records have gone on, not what one of these people will do. It is fit for "
    "planning for groups, and not for selecting people."
)


@dataclass(frozen=True)
class PeopleFutures:
    """What a page on a group of people shows.

    Attributes:
        groups: By year and major group: workers, year, title, count, low, high.
        occupations: By year and occupation, alike.
        shares: Frame of `figures.shares_by_year`.
        counts: Frame of `figures.fan`.
        flows: Frame of `figures.river`; None for a single year.
        careers: Frame of `figures.index_plot`; None for a single year.
        facts: What was assumed and what the intervals hold, name to text.
        level: Share of futures that an interval holds.
    """

    groups: pl.DataFrame
    occupations: pl.DataFrame
    shares: pl.DataFrame
    counts: pl.DataFrame
    flows: pl.DataFrame | None
    careers: pl.DataFrame | None
    facts: dict[str, str]
    level: float


def write_people_page(
    path: Path,
    futures: PeopleFutures,
    *,
    title: str = "Where these people will be",
    outputs: Sequence[Output] = (),
) -> None:
    """Write a group's years to come as a self-contained page.

    Args:
        path: HTML file to write.
        futures: What is shown.
        title: Of the page.
        outputs: What the `disclosure.json` next to it says was checked. Default: it is not listed there.

    Raises:
        StorageError: The file cannot be written.
    """
    with new_output(path, outputs) if outputs else new_file(path) as file:
        page = Page(
            title=title,
            headline=_headline(futures.groups),
            key_numbers=_key_numbers(futures.groups, _within(futures)),
            sections=list(_sections(futures)),
            facts=futures.facts,
            notes=[NO_PROMISE],
        )
        file.write_text(render_page(page, "page.html.j2"), encoding="utf-8")


def people_lines(groups: pl.DataFrame, level: float) -> list[str]:
    """A line for each group of people and year: how many of a hundred are where, the largest groups first.

    Args:
        groups: By group, year and major group of occupations: group, workers, year, title, count, low, high.
        level: Share of futures that an interval holds.
    """
    lines = []
    for part in groups.partition_by("group", "year", maintain_order=True):
        workers = part["workers"][0]
        largest = part.sort("count", descending=True, maintain_order=True).head(NAMED)
        said = [f"{_of(100 * row['count'] / workers)} {_plain(row['title'])}" for row in largest.iter_rows(named=True)]
        at_work = _at_work(part)
        name = "" if part["group"][0] == "all" else f"{part['group'][0]}, "
        lines.append(
            f"{name}{part['year'][0]}: of {workers:,} people {at_work[0]:.0f} at work "
            f"({at_work[1]:.0f} to {at_work[2]:.0f} in {_percent(level)} of futures); of 100, {', '.join(said)}"
        )
    return lines


def _sections(futures: PeopleFutures) -> Iterator[Section]:
    yield Section(
        "Year by year",
        "The expected share of these people in each major group of occupations.",
        (
            _figure(
                figures.shares_by_year, futures.shares, "Shares add up to all of them. Smaller groups are together."
            ),
        ),
    )
    yield Section(
        "How sure that is",
        f"How many of them are in each group: the line is the expected number, the band holds {_within(futures)}.",
        (_figure(figures.fan, futures.counts, "Wide bands are the rule: few people, and each goes one way."),),
    )
    if futures.flows is not None:
        yield Section(
            "Who goes where",
            "Between one year and the next, in expectation. A ribbon has the colour of the group that it leaves.",
            (_figure(figures.river, futures.flows, "The height of a ribbon is the number of people."),),
        )
    if futures.careers is not None:
        yield Section(
            "Careers that may come",
            "Some of the careers that the model drew: a row each, a cell for each year. They are invented.",
            (_figure(figures.index_plot, futures.careers, "Careers that begin alike lie together."),),
        )
    yield Section("Occupations", "The occupations that most of them are in.", tables=tuple(_occupations(futures)))


def _occupations(futures: PeopleFutures) -> Iterator[Table]:
    years = futures.occupations["year"].unique().sort().to_list()
    for year in dict.fromkeys((years[0], years[-1])):
        part = futures.occupations.filter(pl.col("year") == year).sort("count", descending=True, maintain_order=True)
        rows = tuple(
            (row["title"], f"{row['count']:.1f}", f"{row['low']} to {row['high']}")
            for row in part.head(LISTED).iter_rows(named=True)
        )
        header = ("occupation", "people expected", _within(futures))
        yield Table(f"In {year}, of {part['workers'][0]:,} people", header, rows)


def _figure(draw: figures.Draw, frame: pl.DataFrame, caption: str) -> Figure:
    table = frame_table("The numbers of this figure", frame.with_columns(pl.col("^.*year$").cast(pl.String)))
    return Figure(draw(frame), table, caption, draw(frame, narrow=True))


def _headline(groups: pl.DataFrame) -> str:
    years = groups["year"].unique().sort().to_list()
    first, last = (groups.filter(pl.col("year") == year) for year in (years[0], years[-1]))
    workers = first["workers"][0]
    text = f"Of {workers:,} people, {_at_work(first)[0]:.0f} are expected to be at work in {years[0]}"
    if len(years) > 1:
        text += f" and {_at_work(last)[0]:.0f} in {years[-1]}"
    jobs = last.filter(pl.col("title") != STATE_GROUP).sort("count", descending=True, maintain_order=True).head(2)
    return f"{text}. The most frequent jobs are in {' and in '.join(_plain(title) for title in jobs['title'])}."


def _key_numbers(groups: pl.DataFrame, within: str) -> list[KeyNumber]:
    years = groups["year"].unique().sort().to_list()
    found = [KeyNumber(count(int(groups["workers"][0])), "people")]
    for year in dict.fromkeys((years[0], years[len(years) // 2], years[-1])):
        expected, low, high = _at_work(groups.filter(pl.col("year") == year))
        found.append(KeyNumber(f"{expected:.0f}", f"expected at work in {year}; {low:.0f} to {high:.0f} in {within}"))
    return found


def _at_work(groups: pl.DataFrame) -> tuple[float, float, float]:
    """How many of the people of one year have a job: expected, and the interval."""
    out = groups.filter(pl.col("title") == STATE_GROUP)
    workers = groups["workers"][0]
    if out.is_empty():
        return workers, workers, workers
    return workers - out["count"][0], workers - out["high"][0], workers - out["low"][0]


def _within(futures: PeopleFutures) -> str:
    return f"{_percent(futures.level)} of futures".replace(" %", "\N{NO-BREAK SPACE}%")


def _percent(level: float) -> str:
    return f"{100 * level:g} %"


def _of(people: float) -> str:
    return "less than 1" if people < 0.5 else f"{people:.0f}"


def _plain(title: str) -> str:
    """A title inside a sentence."""
    return title[:1].lower() + title[1:]
