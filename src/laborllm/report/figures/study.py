"""Figures of the study's questions: each takes a tidy frame and returns the chart."""

import altair as alt
import polars as pl

from laborllm.report.figures.look import (
    INK,
    MARK,
    MUTED,
    PHONE,
    SERIES,
    WIDE,
    Chart,
    colour,
    dots,
    finite,
    guide,
    ratio_scale,
    shape,
    styled,
    value_scale,
)

LONGEST = 6  # groups of a map that have a colour of their own


def ratios(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw ratios of perplexity, a row each; the line is at one.

    Args:
        frame: Columns model (what a row is about), estimate, low, high.
        narrow: For a phone's screen.
    """
    drawn = dots(frame, "ratio of perplexity", ratio_scale(frame), PHONE if narrow else WIDE - 140)
    return styled(alt.layer(guide(1.0), drawn))


def shares_of_variance(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw the shares of variance by source, a bar per model, in the order given.

    Args:
        frame: Columns model, source, share.
        narrow: For a phone's screen.
    """
    sources = frame["source"].unique(maintain_order=True).to_list()
    scale = alt.Scale(domain=sources, range=list(SERIES[: len(sources)]))
    bars = (
        alt.Chart(frame.select("model", "source", "share"))
        .mark_bar(height=14)
        .encode(
            y=alt.Y("model:N", sort=None, axis=alt.Axis(title=None, labelColor=INK, labelPadding=8)),
            x=alt.X("share:Q", title="of the variance", axis=alt.Axis(format=".0%", tickCount=5), stack="zero"),
            color=alt.Color("source:N", scale=scale, sort=sources),
        )
    )
    return styled(bars.properties(width=PHONE if narrow else WIDE, height=alt.Step(26)))


def scaling(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw perplexity by the number of training careers, a line per model, on a logarithmic axis of careers.

    Args:
        frame: Columns model, careers, estimate.
        narrow: For a phone's screen.
    """
    x = alt.X(
        "careers:Q",
        title="training careers",
        axis=alt.Axis(format="~s", grid=False, tickCount=4),
        scale=alt.Scale(type="log", nice=False, padding=12),
    )
    y = alt.Y("estimate:Q", title="perplexity (lower is better)", scale=value_scale(frame))
    base = alt.Chart(finite(frame, "estimate", "model", "careers")).encode(x=x, y=y, color=colour(frame))
    layers = [base.mark_line(strokeWidth=1.5), base.mark_point(filled=True, size=50, opacity=1).encode(shape(frame))]
    return styled(alt.layer(*layers).properties(width=PHONE if narrow else WIDE, height=240))


def occupation_map(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw occupations as points of a plane; the largest groups have a colour each.

    Args:
        frame: Columns title, group, and x and y, the two coordinates of an occupation.
        narrow: For a phone's screen.
    """
    largest = frame["group"].value_counts(sort=True)["group"].head(LONGEST).to_list()
    named = frame.with_columns(pl.when(pl.col("group").is_in(largest)).then("group").otherwise(pl.lit("other groups")))
    domain = [*largest, "other groups"]
    scale = alt.Scale(domain=domain, range=[*SERIES[: len(largest)], MUTED])
    axis = alt.Axis(title=None, labels=False, ticks=False, grid=False)
    side = PHONE if narrow else WIDE
    points = (
        alt.Chart(finite(named, "x", "y", "group", "title"))
        .mark_point(filled=True, size=36, opacity=0.8)
        .encode(
            x=alt.X("x:Q", axis=axis),
            y=alt.Y("y:Q", axis=axis),
            color=alt.Color("group:N", scale=scale, legend=alt.Legend(columns=1 if narrow else 2)),
            tooltip="title:N",
        )
    )
    return styled(points.properties(width=side, height=side))


def agreement(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw one probability of an event by another, on logarithmic axes; on the line they are equal.

    Args:
        frame: Columns direct, chained: the two probabilities.
        narrow: For a phone's screen.
    """
    scale = alt.Scale(type="log", domain=[1e-4, 1], nice=False, clamp=True)
    axis = alt.Axis(format="~g", tickCount=4, grid=False)
    x, y = (alt.X("direct:Q", scale=scale, axis=axis), alt.Y("chained:Q", scale=scale, axis=axis))
    ends = alt.Chart(pl.DataFrame({"direct": [1e-4, 1.0], "chained": [1e-4, 1.0]}))
    line = ends.mark_line(color=MUTED, strokeWidth=1, strokeDash=[3, 3]).encode(x=x, y=y)
    points = alt.Chart(finite(frame, "direct", "chained")).mark_point(filled=True, size=20, color=MARK, opacity=0.5)
    side = PHONE if narrow else WIDE // 2
    return styled(alt.layer(line, points.encode(x=x, y=y)).properties(width=side, height=side))
