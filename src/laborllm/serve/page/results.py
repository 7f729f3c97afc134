"""What the page shows of a career: the next year, the years ahead, and how another version of it differs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from laborllm.forecasting.simulation.result import Difference, Simulation
from laborllm.occupations.taxonomy import OTHERS
from laborllm.report.figures.differences import differences
from laborllm.report.figures.futures import fan, shares_by_year
from laborllm.report.numbers import MINUS
from laborllm.report.page import Figure
from laborllm.report.table import Table
from laborllm.serve.answers import OF, changes, group_shares, outcomes, people_of, whole_people
from laborllm.serve.api.what_if import difference
from laborllm.serve.asked import Asked, years_after
from laborllm.serve.inputs.careers import Read
from laborllm.serve.page.form import Form, FormError
from laborllm.serve.schema.forecasts import Change, Outcome

PATHS, TOP, NAMED = 1000, 6, 4
NINE_IN_TEN = 1.645  # standard deviations of a normal number that hold nine in ten


@dataclass(frozen=True)
class Result:
    """What is shown.

    Attributes:
        read: The career as it was read.
        next: The next year.
        found: The years ahead.
        ahead: Their frame: year, title, count, low, high.
        other: The other version of a what-if, where one is asked for.
    """

    read: Read
    next: Sequence[Outcome]
    found: Simulation
    ahead: pl.DataFrame
    other: "Other | None"

    @property
    def year(self) -> int:
        """The next year."""
        return int(self.found.years[0, 0])

    @property
    def code(self) -> str:
        """The code of the last record."""
        return str(self.read.titles[-1].code)

    @property
    def origin(self) -> str:
        """The title of the last record."""
        return self.read.titles[-1].title

    def figures(self) -> tuple[Figure, Figure]:
        """The years ahead, stacked, and each part of them with its interval."""
        shares = self.ahead.select("year", "title", share=pl.col("count") / OF)
        counts = self.ahead.filter(pl.col("low").is_not_null())
        stacked, intervals = (
            [draw(frame, narrow=narrow) for narrow in (False, True)]
            for draw, frame in ((shares_by_year, shares), (fan, counts))
        )
        table = ahead_table(self.ahead)
        parts = replace(table, title="Of 100 people with this career, part by part")
        return Figure(stacked[0], table, STACKED, stacked[1]), Figure(intervals[0], parts, INTERVALS, intervals[1])


STACKED = "Of 100 people with this career, how many are where."
INTERVALS = (
    "The same people, part by part: the line is what is expected of a hundred of them, the band holds nine in ten "
    "groups of a hundred. It is the spread of chance only; what the model has not seen, such as a recession to "
    "come, is in no band."
)


@dataclass(frozen=True)
class Other:
    """How another version of a career differs, in the last of the years ahead.

    Attributes:
        words: What it says otherwise.
        year: The year.
        changes: The largest differences.
        first: How many of a hundred people of the first version are in the occupation of each.
    """

    words: str
    year: int
    changes: Sequence[Change]
    first: Sequence[int]

    def table(self) -> Table:
        """Both versions side by side: of a hundred people each, and the difference."""
        rows = tuple(
            (
                change.title,
                str(people),
                str(people + change.of_100),
                f"{change.of_100:+d}".replace("-", MINUS),
                f"{change.error:.1f}",
            )
            for change, people in zip(self.changes, self.first, strict=True)
        )
        return Table(OTHER_TITLE, ("occupation", "this career", "the other", "difference", "error"), rows)

    def figure(self) -> Figure:
        """The differences, a row for each occupation."""
        frame = pl.DataFrame(
            [
                (each.title, each.of_100, each.of_100 - 2 * each.error, each.of_100 + 2 * each.error)
                for each in self.changes
            ],
            {"title": pl.String, "people": pl.Int64, "low": pl.Float64, "high": pl.Float64},
            orient="row",
        )
        return Figure(differences(frame), self.table(), OTHER_CAPTION, differences(frame, narrow=True))


OTHER_TITLE = "Of 100 people, and the paired difference"
OTHER_CAPTION = (
    "How many more, or fewer, of 100 people are in each occupation in the other version. Both versions were simulated "
    "with the same random numbers; the bars hold twice the error that is left."
)


CHANGES = {
    "title": "their last year were spent as: {}",
    "education": "the education on their last record were: {}",
    "region": "the region on their last record were: {}",
}


async def result_of(form: Form, asked: Asked) -> Result:
    """Simulate what is typed.

    Raises:
        FormError: What is typed is no career.
        InputError: It cannot be read or simulated.
    """
    asked.require(1, form.horizon, PATHS)
    (read,) = await asked.read([form.career()])
    opened = read.worker.open(years_after(read.worker.last[0], form.horizon))
    found = await asked.futures.simulate([opened], draws=PATHS)
    other = await _other(form, read, asked) if form.change else None
    return Result(read, outcomes(found, 0, 0, TOP), found, ahead_frame(found), other)


def ahead_frame(found: Simulation) -> pl.DataFrame:
    """The years ahead of the first worker: year, title, count, low, high; the last occupation first, then the groups
    with the most people, then all others. The last record itself is the first year, with everybody in it."""
    taxonomy, origin = found.taxonomy, int(found.origin[0])
    probability = found.probability[0].astype(np.float64)  # (K, J)
    moved = np.where(np.arange(len(taxonomy)) == origin, 0, probability)
    groups = group_shares(moved, taxonomy)  # (K, G)
    names = list(dict.fromkeys(taxonomy.groups))
    largest = np.argsort(-groups.mean(axis=0), kind="stable")[:NAMED]
    shown = np.column_stack([probability[:, origin], groups[:, largest]])
    layers = np.column_stack([shown, np.maximum(1 - shown.sum(axis=1), 0)])
    last = taxonomy.titles[origin]
    last = last.lower() if taxonomy.codes[origin] in taxonomy.states else last
    titles = [f"Still {last}", *(names[at] for at in largest), OTHERS]
    rows: list[tuple[int, str, int, int | None, int | None]]
    rows = [(found.workers["year"][0], title, OF if at == 0 else 0, None, None) for at, title in enumerate(titles)]
    for year, shares in zip(found.years[0].tolist(), layers, strict=True):
        counts = whole_people(shares)
        rows += [(year, *each) for each in zip(titles, counts, *zip(*map(_range, shares), strict=True), strict=True)]
    frame = pl.DataFrame(rows, ("year", "title", "count", "low", "high"), orient="row")
    return frame.with_columns(pl.col("title").cast(pl.Enum(titles)))


def ahead_table(frame: pl.DataFrame) -> Table:
    """A row for each layer, a column for each year."""
    years = frame["year"].unique(maintain_order=True).to_list()
    rows = []
    for (title,), found in frame.group_by("title", maintain_order=True):
        rows.append((str(title), *(_people(*row) for row in found.select("count", "low", "high").iter_rows())))
    return Table("Of 100 people with this career", ("where", *map(str, years)), tuple(rows))


def _people(people: int, low: int | None, high: int | None) -> str:
    return f"{people} ({low} to {high})" if low is not None else str(people)


def _range(share: float) -> tuple[int, int]:
    """Between which counts of a hundred chance leaves nine in ten groups."""
    spread = NINE_IN_TEN * math.sqrt(OF * share * (1 - share))
    return max(0, math.floor(OF * share - spread)), min(OF, math.ceil(OF * share + spread))


async def _other(form: Form, read: Read, asked: Asked) -> Other:
    """The other version that a form asks for."""
    if not form.to:
        raise FormError("Say what the other version would be.")
    career = form.career()
    last = max(career.records, key=lambda record: record.year)
    changed = last.model_copy(update={form.change: form.to})
    others = [changed if record is last else record for record in career.records]
    (two,) = await asked.read([career.model_copy(update={"records": others})])
    apart: Difference = await difference(asked, read, two, horizon=form.horizon, draws=PATHS)
    largest = changes(apart, -1, TOP + 2)
    people = people_of(apart.before[0, -1])
    first = [int(people[apart.taxonomy.position[each.code]]) for each in largest]
    return Other(CHANGES[form.change].format(form.to), int(apart.years[0, -1]), largest, first)
