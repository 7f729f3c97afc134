"""Figures of backtests: each takes a tidy frame and returns the chart; saving is the caller's."""

import altair as alt
import polars as pl

from laborllm.report.figures.look import INK, MARK, PHONE, WIDE, Chart, Panel, colour, finite, grid, shape, styled

HEIGHT, LOW = 240, 110  # pixels


def score_by_horizon(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw the log score of each model by years ahead, a line per model; what is infinite is left out.

    Args:
        frame: Columns model, horizon, estimate, low, high.
        narrow: For a phone's screen.
    """
    known = finite(frame, "estimate", "model", "horizon", "low", "high")
    axis = alt.Axis(format="d", grid=False, tickMinStep=1, labelColor=INK)
    base = alt.Chart(known).encode(
        x=alt.X("horizon:Q", title="years ahead", axis=axis, scale=alt.Scale(zero=False, nice=False, padding=12)),
        color=colour(known),
    )
    y = alt.Y("estimate:Q", title="log score, nats (lower is better)", scale=alt.Scale(zero=False, padding=8))
    layers = [
        base.mark_line(strokeWidth=1.5).encode(y=y),
        base.mark_rule(strokeWidth=3, strokeCap="round", opacity=0.35).encode(y="low:Q", y2="high:Q"),
        base.mark_point(filled=True, size=50, opacity=1).encode(y=y, shape=shape(known)),
    ]
    return styled(alt.layer(*layers).properties(width=PHONE if narrow else WIDE, height=HEIGHT))


def rates_by_age(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw rates by age in a panel per group of occupations: bars are what was observed, dots what was modelled.

    Args:
        frame: Columns group, age, modelled, observed; the last two are shares of the people of an age.
        narrow: For a phone's screen.
    """

    def draw(part: pl.DataFrame, width: int, names: bool) -> Panel:
        ages = alt.Axis(title=None, labelAngle=-50, labelColor=INK, ticks=False, grid=False)
        percent = alt.Axis(format=".0%", tickCount=3)
        base = alt.Chart(part.select("age", "modelled", "observed")).encode(x=alt.X("age:O", sort=None, axis=ages))
        y = alt.Y("observed:Q", title="of the people" if names else None, axis=percent)
        return alt.layer(
            base.mark_bar(color=MARK, opacity=0.3).encode(y=y),
            base.mark_point(color=MARK, filled=True, size=60, opacity=1).encode(y=alt.Y("modelled:Q", axis=percent)),
        ).properties(width=width, height=LOW)

    short = pl.col("group").str.replace(r"^(.{20}).{4,}$", "${1}\N{HORIZONTAL ELLIPSIS}")
    return styled(grid(frame.with_columns(short), "group", draw, narrow=narrow))
