"""Figures of a panel: each takes a tidy frame and returns the chart, in the look of the other figures."""

import altair as alt
import polars as pl

from laborllm.report.figures.look import GUIDE, INK, MARK, SERIES, WIDE, Chart, styled

MATRIX = 440  # pixels of the side of a heat map
SQUARE = (17, 48)  # least and most pixels of its cells
READABLE = 36  # pixels from which a cell holds a number
FAINT = 0.005  # the share below which it holds none: it would round to zero
DARK = 0.25  # the share from which that number is white


def records_by_year(frame: pl.DataFrame, activities: list[str]) -> Chart:
    """Draw the number of records by year, bars stacked by activity.

    Args:
        frame: Columns year, activity, records.
        activities: The activities, in the order in which they are stacked.
    """
    colour = alt.Color("activity:N", scale=alt.Scale(domain=activities, range=_colours(activities)), sort=activities)
    place = pl.col("activity").replace_strict({name: at for at, name in enumerate(activities)}).alias("place")
    bars = (
        alt.Chart(frame.select("year", "activity", "records", place))
        .mark_bar()
        .encode(
            x=alt.X(
                "year:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap="parity", labelSeparation=8, ticks=False)
            ),
            y=alt.Y("records:Q", title="records", axis=alt.Axis(format=",d", tickCount=5)),
            color=colour,
            order=alt.Order("place:Q"),
        )
    )
    return styled(bars.properties(width=WIDE, height=240))


def states_by_age(frame: pl.DataFrame, states: list[str]) -> Chart:
    """Draw the share of each state by age, a line per state, coloured as in `records_by_year`.

    Args:
        frame: Columns age, state, share.
        states: The states, in the order of their colours.
    """
    domain = alt.Scale(domain=states, range=_colours(["", *states])[1:])
    base = alt.Chart(frame.select("age", "state", "share")).encode(
        x=alt.X("age:Q", title="age", axis=alt.Axis(grid=False), scale=alt.Scale(zero=False, nice=False, padding=12)),
        y=alt.Y("share:Q", title="of the records at that age", axis=alt.Axis(format=".0%", tickCount=5)),
        color=alt.Color("state:N", scale=domain, sort=states),
    )
    shape = alt.Shape("state:N", scale=alt.Scale(domain=states), sort=states)
    lines = alt.layer(base.mark_line(strokeWidth=1.5), base.mark_point(filled=True, size=36, opacity=1).encode(shape))
    return styled(lines.properties(width=WIDE, height=240))


def group_transitions(frame: pl.DataFrame, groups: list[str]) -> Chart:
    """Draw a matrix of moves: a row per group, a column per group of the next record.

    Args:
        frame: Columns group, next_group, share.
        groups: Order of rows and columns.
    """
    rows = alt.Axis(title=None, labelLimit=300, labelColor=INK, labelPadding=6, ticks=False, grid=False)
    columns = alt.Axis(
        title=None,
        orient="top",
        labelAngle=-50,
        labelLimit=300,
        labelColor=INK,
        labelPadding=6,
        labelOverlap=False,
        ticks=False,
        domain=False,
    )
    base = alt.Chart(frame.select("group", "next_group", "share")).encode(
        x=alt.X("next_group:N", sort=groups, axis=columns, scale=alt.Scale(domain=groups)),
        y=alt.Y("group:N", sort=groups, axis=rows, scale=alt.Scale(domain=groups)),
    )
    strength = alt.Opacity("share:Q", scale=alt.Scale(type="sqrt", domain=[0, 1], range=[0, 1]), legend=None)
    side = min(max(MATRIX // max(len(groups), 1), SQUARE[0]), SQUARE[1])
    cells = [base.mark_rect(color=MARK, stroke=GUIDE, strokeWidth=0.5).encode(fillOpacity=strength)]
    if side >= READABLE:
        ink = alt.when(alt.datum.share >= DARK).then(alt.value("white")).otherwise(alt.value(INK))
        numbers = base.transform_filter(alt.datum.share >= FAINT).mark_text(fontSize=11)
        cells.append(numbers.encode(text=alt.Text("share:Q", format=".0%"), color=ink))
    return styled(alt.layer(*cells).properties(width=alt.Step(side), height=alt.Step(side)))


def covariates_known(frame: pl.DataFrame) -> Chart:
    """Draw the share of records of which each covariate is known, a bar per covariate.

    Args:
        frame: Columns covariate, known (a share of the records).
    """
    scale = alt.Scale(domain=[0, 1], nice=False)
    names = alt.Axis(title=None, labelColor=INK, labelPadding=8, grid=False)
    bars = (
        alt.Chart(frame.select("covariate", "known"))
        .mark_bar(color=MARK, height=14)
        .encode(
            y=alt.Y("covariate:N", sort=None, axis=names),
            x=alt.X("known:Q", title="known, of the records", scale=scale, axis=alt.Axis(format=".0%", tickCount=5)),
        )
    )
    return styled(bars.properties(width=WIDE, height=alt.Step(26)))


def _colours(names: list[str]) -> list[str]:
    return [SERIES[at % len(SERIES)] for at in range(len(names))]
