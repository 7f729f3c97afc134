"""Figures of years to come: each takes a tidy frame and returns the chart; saving is the caller's.

Titles take the colours in their order, and what is left over is grey: with titles of one `Enum`, a group has one colour
in all figures.
"""

import altair as alt
import numpy as np
import polars as pl

from laborllm.occupations.taxonomy import OTHERS
from laborllm.report.figures.look import GUIDE, INK, MARK, PHONE, SERIES, WIDE, Chart, Panel, grid, styled

COLOURS = ("#0a74b4", *SERIES[1:])
"""The first is not the blue that pages exchange on a dark screen, where it would look like the last."""
REST = "#9aa4af"
BEND = np.linspace(0, 1, 17)  # where between two years the edges of a ribbon are computed
BAR = 0.04  # width of the bar of a year in a river, in the distance between years
TALL, LOW = 280, 110  # pixels of the height of a figure, and of a panel among several


def shares_by_year(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw the shares of occupations by year as areas stacked to the whole, in the order of the titles.

    Args:
        frame: Columns year, title, share.
        narrow: For a phone's screen.
    """
    titles = _titles(frame, "title")
    place = {title: at for at, title in enumerate(titles)}
    stacked = (
        alt.Chart(
            frame.select("year", "title", "share", pl.col("title").cast(pl.String).replace_strict(place).alias("place"))
        )
        .mark_area(stroke="#ffffff", strokeWidth=0.5)
        .encode(
            x=_years(frame),
            y=alt.Y("share:Q", title="of these people", stack="normalize", axis=alt.Axis(format=".0%", tickCount=4)),
            color=_colour("title", titles, narrow=narrow),
            order=alt.Order("place:Q"),
        )
    )
    return styled(stacked.properties(width=_width(narrow), height=TALL))


def fan(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw the expected count of each occupation by year in its interval, a panel per title, all on one axis.

    Args:
        frame: Columns year, title, count, low, high.
        narrow: For a phone's screen.
    """
    top = float(frame["high"].max() or 1)  # type: ignore[arg-type]

    def draw(part: pl.DataFrame, width: int, names: bool) -> Panel:
        axis = alt.Axis(tickCount=3, grid=True, labels=True)
        y = alt.Y("low:Q", title="people" if names else None, scale=alt.Scale(domain=[0, top]), axis=axis)
        base = alt.Chart(part.select("year", "count", "low", "high")).encode(x=_years(frame, ticks=3))
        return alt.layer(
            base.mark_area(color=MARK, opacity=0.25).encode(y=y, y2="high:Q"),
            base.mark_line(color=MARK, strokeWidth=2).encode(y=alt.Y("count:Q", scale=alt.Scale(domain=[0, top]))),
        ).properties(width=width, height=LOW)

    return styled(grid(frame.with_columns(pl.col("title").cast(pl.String)), "title", draw, narrow=narrow))


def river(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw groups as bars in each year, and who goes where as ribbons, in the colour of the group they leave.

    Args:
        frame: Columns year, next_year, origin, destination, count.
        narrow: For a phone's screen.
    """
    titles = _titles(frame, "origin", "destination")
    colour = _colour("group", titles, narrow=narrow)
    base = {"y": alt.Y("low:Q", axis=None, scale=alt.Scale(nice=False)), "y2": "high:Q", "color": colour}
    edges, bars = _ribbons(frame, titles), _bars(frame, titles)
    ribbons = alt.Chart(edges).mark_area(opacity=0.45).encode(x=_years(frame, "at"), detail="ribbon:N", **base)
    nodes = alt.Chart(bars).mark_rect(opacity=1).encode(x="from:Q", x2="to:Q", **base)
    return styled(alt.layer(ribbons, nodes).properties(width=_width(narrow), height=TALL))


def index_plot(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw each career as a row of cells, coloured by where it is in each year, rows that begin alike together.

    Args:
        frame: Columns path, year, title.
        narrow: For a phone's screen.
    """
    titles = _titles(frame, "title")
    place = {title: at for at, title in enumerate(titles)}
    wide = frame.with_columns(pl.col("title").cast(pl.String).replace_strict(place).alias("at")).pivot(
        "year", index="path", values="at"
    )
    order = wide.sort(wide.columns[1:])["path"].to_list()
    rows = {path: at for at, path in enumerate(order)}
    cells = frame.select("year", "title", pl.col("path").replace_strict(rows).alias("row"))
    years = alt.Axis(labelAngle=0, labelOverlap="parity", ticks=False, grid=False, labelSeparation=6)
    chart = (
        alt.Chart(cells)
        .mark_rect()
        .encode(
            x=alt.X("year:O", title=None, axis=years),
            y=alt.Y("row:O", axis=None),
            color=_colour("title", titles, narrow=narrow),
        )
    )
    return styled(chart.properties(width=_width(narrow), height=min(TALL, 6 * len(order))))


def _ribbons(frame: pl.DataFrame, titles: list[str]) -> pl.DataFrame:
    """at, low, high, group and ribbon: both edges of each flow, along a smooth bend from its start to its end."""
    smooth = BEND**2 * (3 - 2 * BEND)
    parts = []
    for flows in frame.partition_by("year", maintain_order=True):
        starts, ends = (_stack(flows, titles, by) for by in (("origin", "destination"), ("destination", "origin")))
        for number, flow in enumerate(flows.iter_rows(named=True)):
            low = starts[number] + smooth * (ends[number] - starts[number])
            at = flow["year"] + BAR + BEND * (flow["next_year"] - flow["year"] - 2 * BAR)
            ribbon = f"{flow['year']} {number}"
            columns = {"at": at, "low": low, "high": low + flow["count"], "group": flow["origin"], "ribbon": ribbon}
            parts.append(pl.DataFrame(columns))
    return pl.concat(parts)


def _stack(flows: pl.DataFrame, titles: list[str], by: tuple[str, str]) -> list[float]:
    """Where each flow begins in the stack of a year, ordered by one end and within it by the other."""
    place = {title: at for at, title in enumerate(titles)}
    rows = list(flows.iter_rows(named=True))
    start, starts = 0.0, [0.0] * len(rows)
    for number in sorted(range(len(rows)), key=lambda row: [place[rows[row][name]] for name in by]):
        starts[number] = start
        start += rows[number]["count"]
    return starts


def _bars(frame: pl.DataFrame, titles: list[str]) -> pl.DataFrame:
    """from, to, low, high and group: the stack of groups in each year."""
    last = frame.filter(pl.col("next_year") == pl.col("next_year").max())
    ends = [frame.select("year", group="origin", count="count"), last.select("next_year", "destination", "count")]
    ends[1].columns = ends[0].columns
    totals = pl.concat(ends).group_by("year", "group", maintain_order=True).agg(pl.col("count").sum())
    order = pl.col("group").cast(pl.String).replace_strict({title: at for at, title in enumerate(titles)})
    high = pl.col("count").cum_sum().over("year")
    return totals.sort("year", order).select(
        "group", (pl.col("year") - BAR).alias("from"), (pl.col("year") + BAR).alias("to"), low=high - "count", high=high
    )


def _titles(frame: pl.DataFrame, *columns: str) -> list[str]:
    """The titles that occur: in their own order if they are an `Enum`, else as they come; all others last."""
    found = pl.concat([frame[column] for column in columns]).unique(maintain_order=True)
    ordered = found.sort() if isinstance(found.dtype, pl.Enum) else found
    return sorted(ordered.to_list(), key=OTHERS.__eq__)


def _colour(column: str, titles: list[str], *, narrow: bool) -> alt.Color:
    named = [title for title in titles if title != OTHERS]
    colours = [COLOURS[at % len(COLOURS)] for at in range(len(named))] + [REST] * (len(titles) - len(named))
    legend = alt.Legend(columns=1 if narrow else 2, labelLimit=260 if narrow else 300)
    return alt.Color(f"{column}:N", sort=titles, scale=alt.Scale(domain=titles, range=colours), legend=legend)


def _years(frame: pl.DataFrame, column: str = "year", *, ticks: int = 8) -> alt.X:
    """A true axis of whole years."""
    years = sorted({*frame["year"], *(frame["next_year"] if "next_year" in frame.columns else ())})
    step = max(1, -(-len(years) // ticks))
    axis = alt.Axis(format="d", grid=False, values=years[::step], labelColor=INK, domainColor=GUIDE)
    return alt.X(f"{column}:Q", title=None, axis=axis, scale=alt.Scale(zero=False, nice=False))


def _width(narrow: bool) -> int:
    return PHONE + 60 if narrow else WIDE
