"""The page of groups: a list of people, their coded titles to look over, and where they are in the years ahead."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from laborllm.errors import InputError
from laborllm.forecasting.groups.charted import chart_counts, chart_flows
from laborllm.forecasting.simulation.result import Simulation
from laborllm.report.figures.futures import fan, river
from laborllm.report.page import Figure
from laborllm.report.table import Table
from laborllm.serve.answers import OF
from laborllm.serve.api.group import simulate_group
from laborllm.serve.asked import Asked, client_of
from laborllm.serve.batching import BusyError
from laborllm.serve.counted import alike, count_groups
from laborllm.serve.groups import ManyGroupsError
from laborllm.serve.inputs.lists import Listed, list_text, read_list
from laborllm.serve.operation.problems import why_busy
from laborllm.serve.page.form import read_year
from laborllm.serve.page.render import render
from laborllm.serve.page.views import Answers, attachment, html
from laborllm.serve.schema.groups import Count, OneGroup

groups = APIRouter(include_in_schema=False)
PLACE, TOP = "/groups", 8
DRAWS = (200, 100)  # as many as a list of that length may have
SURE = 0.8  # titles below it are to be looked over first
HORIZONS = (1, 3, 5, 10)
EXAMPLE = "worker,start,end,title,group\n" + "".join(
    f"{number},{2012 + number % 5},2025,{title},{'north plant' if number % 2 else 'south plant'}\n"
    for number, title in enumerate(["Assembler", "Machinist", "Welder", "Warehouse worker", "Forklift operator"] * 6, 1)
)


@dataclass(frozen=True)
class List:
    """What is typed on the page of groups.

    Attributes:
        text: The list.
        lost: The year in which all lost their jobs, or "".
        horizon: Years ahead.
        corrections: Title to code.
    """

    text: str = ""
    lost: str = ""
    horizon: int = 5
    corrections: Mapping[str, str] = field(default_factory=dict)

    def read(self, asked: Asked) -> Listed:
        """The people of the list. Raises `InputError` for what is no list."""
        now = datetime.now(UTC).year
        lost = read_year("The year in which all lost their jobs", self.lost) if self.lost else None
        return read_list(
            self.text, asked.served, lost=lost, as_of=now, corrections=self.corrections, require=asked.require_list
        )


@groups.get(PLACE)
async def empty(asked: Answers) -> Response:
    """The page before anything is on it."""
    return await _page(asked, List())


@groups.post(PLACE)
async def show(request: Request, asked: Answers) -> Response:
    """The coded titles of a list, or its report."""
    typed, listed = List(), None
    try:
        typed, action = await _typed(request)
        if action == "example":
            return await _page(asked, List(EXAMPLE, lost=str(datetime.now(UTC).year)))
        listed = await run_in_threadpool(typed.read, asked)
        if action == "titles":
            return await _page(asked, typed, listed=listed)
        steps = len(listed.workers) * typed.horizon
        draws = next((each for each in DRAWS if steps * each <= asked.settings.person_years), DRAWS[-1])
        asked.require(len(listed.workers), typed.horizon, draws, most=asked.settings.group)
        asked.groups.admit(listed.workers, listed.labels, client_of(request))
        found = await simulate_group(asked, listed.workers, typed.horizon, draws)
        counted = await run_in_threadpool(
            count_groups, found, listed.workers, listed.labels, TOP, asked.served.common_error
        )
        if action == "csv":
            return attachment(_table(counted).to_csv().encode(), "text/csv; charset=utf-8", "group.csv")
        return await _page(asked, typed, listed=listed, found=found, counted=counted)
    except ManyGroupsError as error:
        return await _page(asked, typed, error=str(error), status=429)
    except InputError as error:
        return await _page(asked, typed, error=str(error), status=422)
    except (BusyError, TimeoutError) as error:
        return await _page(asked, typed, listed=listed, error=why_busy(error), status=503)


async def _typed(request: Request) -> tuple[List, str]:
    """What was typed and the button that was pressed. The file comes before the field."""
    form = await request.form(max_files=1, max_fields=2000)
    file = form.get("file")
    text = str(form.get("text", ""))
    if isinstance(file, UploadFile) and (content := await file.read()):
        text = list_text(content)
    titles, codes = ([str(value) for value in form.getlist(name)] for name in ("title", "code"))
    corrections = {title: code for title, code in zip(titles, codes, strict=False) if code}
    horizon = str(form.get("horizon", ""))
    chosen = int(horizon) if horizon in map(str, HORIZONS) else 5
    return List(text, str(form.get("lost", "")).strip()[:10], chosen, corrections), str(form.get("action", "titles"))


async def _page(
    asked: Asked,
    typed: List,
    *,
    listed: Listed | None = None,
    found: Simulation | None = None,
    counted: list[OneGroup] | None = None,
    error: str = "",
    status: int = 200,
) -> Response:
    known: dict[str, object] = {
        "typed": typed,
        "listed": listed,
        "counted": counted,
        "error": error,
        "horizons": HORIZONS,
        "sure": SURE,
        "table": None if counted is None else _table(counted),
    }
    text = await run_in_threadpool(
        lambda: render("groups.html.j2", asked, here=PLACE, **known, figures=_figures(found, listed, asked))
    )
    return html(text, status)


def _figures(found: Simulation | None, listed: Listed | None, asked: Asked) -> list[Figure]:
    """How many are where by year, and who goes where between."""
    if found is None or listed is None:
        return []
    part = alike(listed.workers) / OF
    counts = chart_counts(found, common_error=asked.served.common_error)
    counts = counts.with_columns((pl.col("count") / part).round() * part)
    figures = [Figure(fan(counts), _counts_table(counts), FAN, fan(counts, narrow=True))]
    if found.years.shape[1] > 1:
        flows = chart_flows(found)
        figures.append(Figure(river(flows), _flows_table(flows), RIVER, river(flows, narrow=True)))
    return figures


def _counts_table(counts: pl.DataFrame) -> Table:
    """A row for each group of occupations, a column for each year."""
    rows = tuple(
        (str(title), *(f"{count:.0f} ({low} to {high})" for _, _, count, low, high in part.iter_rows()))
        for (title,), part in counts.group_by("title", maintain_order=True)
    )
    years = counts["year"].unique(maintain_order=True).to_list()
    return Table("How many are in each group", ("group", *map(str, years)), rows)


def _flows_table(flows: pl.DataFrame) -> Table:
    """A row for each way that at least one person goes, a column for each pair of years."""
    pairs = flows.select("year", "next_year").unique(maintain_order=True).rows()
    rows = []
    for (origin, to), part in flows.group_by("origin", "destination", maintain_order=True):
        found = {row["year"]: round(row["count"]) for row in part.iter_rows(named=True)}
        if any(found.values()):
            rows.append((str(origin), str(to), *(str(found.get(year) or "") for year, _ in pairs)))
    years = (f"{year} to {after}" for year, after in pairs)
    return Table("Who goes where, in whole people", ("from", "to", *years), tuple(rows), words=(0, 1))


FAN = (
    "How many of these people are in each group of occupations: the line is what is expected, the band holds nine in "
    "ten futures."
)
RIVER = "Who goes where: the height of a ribbon is the number of people, its colour the group that they leave."


def _table(counted: list[OneGroup]) -> Table:
    """A row for each group, year and occupation."""
    rows = tuple(
        (each.group, str(year.year), count.title, str(count.count), _range(count))
        for each in counted
        for year in each.years
        for count in (year.at_work, *year.occupations)
    )
    return Table(
        "Where these people are, by year", ("group", "year", "occupation", "people", "range"), rows, words=(0, 2)
    )


def _range(count: Count) -> str:
    return "" if count.low is None else f"{count.low} to {count.high}"
