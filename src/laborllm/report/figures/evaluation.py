"""Figures of an evaluation: each takes a tidy frame and returns the chart; saving is the caller's."""

import math

import altair as alt
import polars as pl

from laborllm.report.figures.look import (
    INK,
    MARK,
    MUTED,
    PHONE,
    WIDE,
    Chart,
    Panel,
    colour,
    dots,
    extreme,
    finite,
    grid,
    guide,
    models_of,
    ratio_scale,
    shape,
    styled,
    value_scale,
)


def perplexity_by_model(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw the perplexity of each model, in the order given.

    Args:
        frame: Columns model, estimate, low, high; a row per model.
        narrow: For a phone's screen.
    """
    return styled(dots(frame, "perplexity (lower is better)", value_scale(frame), PHONE if narrow else WIDE))


def perplexity_by_level(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw the perplexity of each model in a panel per level of a group, each with its own axis.

    Args:
        frame: Columns model, level, estimate, low, high.
        narrow: For a phone's screen.
    """

    def draw(part: pl.DataFrame, width: int, names: bool) -> Panel:
        return dots(part, "perplexity", value_scale(part), width, names=names)

    return styled(grid(frame, "level", draw, narrow=narrow))


def ratio_to_reference(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw perplexity over the reference's in a panel per level; the line is at one.

    Args:
        frame: Columns model, level, estimate, low, high; the last three are ratios.
        narrow: For a phone's screen.
    """

    def draw(part: pl.DataFrame, width: int, names: bool) -> Panel:
        return alt.layer(guide(1.0), dots(part, "ratio of perplexity", ratio_scale(part), width, names=names))

    return styled(grid(frame, "level", draw, narrow=narrow))


def areas(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw areas under the ROC curve in a panel per outcome, all on one axis; the line is chance.

    Args:
        frame: Columns model, outcome, estimate, low, high.
        narrow: For a phone's screen.
    """
    scale = alt.Scale(domain=[min(0.5, extreme(frame, "low", "estimate")[0]), 1.0], zero=False)

    def draw(part: pl.DataFrame, width: int, names: bool) -> Panel:
        return alt.layer(guide(0.5), dots(part, "area under the ROC curve", scale, width, names=names))

    return styled(grid(frame, "outcome", draw, narrow=narrow))


def perplexity_by_group(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw perplexity in a row per level, on one axis; models differ in colour and shape.

    Args:
        frame: Columns model, level, estimate, low, high.
        narrow: For a phone's screen.
    """
    levels = frame["level"].unique(maintain_order=True).to_list()
    names = alt.Axis(title=None, labelLimit=150 if narrow else 300, labelPadding=8, labelColor=INK, grid=True)
    base = alt.Chart(finite(frame, "estimate", "model", "level", "low", "high")).encode(
        y=alt.Y("level:N", sort=levels, axis=names),
        yOffset=alt.YOffset("model:N", sort=models_of(frame)),
        color=colour(frame),
    )
    scale = value_scale(frame)
    axis = alt.Axis(tickCount=4, grid=False, labelFlush=False)
    bar = base.mark_rule(strokeWidth=3, strokeCap="round", opacity=0.45).encode(
        x=alt.X("low:Q", title="perplexity (lower is better)", scale=scale, axis=axis), x2="high:Q"
    )
    dot = base.mark_point(filled=True, size=60, opacity=1).encode(
        x=alt.X("estimate:Q", scale=scale), shape=shape(frame)
    )
    step = alt.Step(12, **{"for": "offset"})
    return styled(alt.layer(bar, dot).properties(width=180 if narrow else 480, height=step))


def perplexity_over_time(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw the perplexity of each model by year, or by decade.

    Args:
        frame: Columns model, level (a year, or a decade such as 1990s), estimate, low, high.
        narrow: For a phone's screen.
    """
    years = alt.Axis(format="d", grid=False, tickCount=5 if narrow else 10, tickMinStep=1)
    dated = frame.with_columns(year=pl.col("level").str.extract(r"(\d+)").cast(pl.Int64))
    base = alt.Chart(finite(dated, "estimate", "model", "year", "low", "high")).encode(
        x=alt.X("year:Q", title=None, axis=years, scale=alt.Scale(zero=False, nice=False, padding=12)),
        color=colour(frame),
    )
    y = alt.Y("estimate:Q", title="perplexity (lower is better)", scale=value_scale(frame))
    layers = [
        base.mark_line(strokeWidth=1.5).encode(y=y),
        base.mark_rule(strokeWidth=3, strokeCap="round", opacity=0.35).encode(y="low:Q", y2="high:Q"),
        base.mark_point(filled=True, size=50, opacity=1).encode(y=y, shape=shape(frame)),
    ]
    return styled(alt.layer(*layers).properties(width=PHONE if narrow else WIDE, height=240))


def flows(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw observed flows by expected ones, a panel per model, on logarithmic axes; on the line they are equal.

    Args:
        frame: Columns model, observed, expected.
        narrow: For a phone's screen.
    """
    low, high = extreme(frame, "observed", "expected")
    scale = alt.Scale(type="log", domain=[low / 1.3, high * 1.3], nice=False)
    axis = alt.Axis(format="~s", tickCount=3, grid=False)

    def draw(part: pl.DataFrame, width: int, names: bool) -> Panel:
        ends = pl.DataFrame({"expected": [low / 1.3, high * 1.3], "observed": [low / 1.3, high * 1.3]})
        line = alt.Chart(ends).mark_line(color=MUTED, strokeWidth=1, strokeDash=[3, 3])
        dots = alt.Chart(finite(part, "expected", "observed")).mark_point(filled=True, size=40, color=MARK, opacity=0.7)
        y = alt.Y("observed:Q", title="observed" if names else None, scale=scale, axis=axis)
        x = alt.X("expected:Q", title="expected", scale=scale, axis=axis)
        return alt.layer(line.encode(x=x, y=y), dots.encode(x=x, y=y)).properties(width=width, height=width)

    return styled(grid(frame, "model", draw, narrow=narrow))


def calibration(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw observed shares by predicted ones, a panel per model; on the line a forecast is calibrated.

    Args:
        frame: Columns model, predicted, estimate (the share observed), low, high.
        narrow: For a phone's screen.
    """
    end = min(1.0, math.ceil(10 * extreme(frame, "predicted", "estimate", "high")[1]) / 10)

    def draw(part: pl.DataFrame, width: int, names: bool) -> Panel:
        return _calibration_panel(part, end, width, first=names)

    return styled(grid(frame, "model", draw, narrow=narrow))


def _calibration_panel(frame: pl.DataFrame, end: float, width: int, *, first: bool) -> Panel:
    scale = alt.Scale(domain=[0, end], nice=False)
    axis = alt.Axis(format=".0%", tickCount=2, labelFlush=False)
    diagonal = pl.DataFrame({"predicted": [0.0, end], "estimate": [0.0, end]})
    x = alt.X("predicted:Q", title="predicted", scale=scale, axis=axis)
    y_title = "observed" if first else None
    base = alt.Chart(finite(frame, "estimate", "predicted", "low", "high")).encode(x=x)
    return alt.layer(
        alt.Chart(diagonal)
        .mark_line(color=MUTED, strokeWidth=1, strokeDash=[3, 3])
        .encode(x="predicted:Q", y="estimate:Q"),
        base.mark_rule(strokeWidth=3, color=MARK, opacity=0.35).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        base.mark_point(filled=True, size=50, color=MARK, opacity=1).encode(
            y=alt.Y("estimate:Q", title=y_title, scale=scale, axis=axis)
        ),
    ).properties(width=width, height=width)
