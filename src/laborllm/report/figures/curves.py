"""Figures of training and speed: learning curves, what pruning saves, records a second."""

import altair as alt
import polars as pl

from laborllm.report.figures.look import (
    INK,
    MARK,
    MUTED,
    SERIES,
    WIDE,
    Chart,
    extreme,
    finite,
    styled,
    value_scale,
)


def learning_curve(frame: pl.DataFrame) -> Chart:
    """Draw perplexity by the number of careers seen in training, a line per series, on a logarithmic axis of careers.

    Args:
        frame: Columns series, careers, perplexity, and low and high where known.
    """
    bounds = [name for name in ("low", "high") if name in frame.columns]
    known = finite(frame, "perplexity", "series", "careers", *bounds)
    order = known["series"].unique(maintain_order=True).to_list()
    colour = alt.Color("series:N", scale=alt.Scale(domain=order, range=list(SERIES)), legend=None)
    axis = alt.Axis(format="~s", grid=False, values=sorted(set(known["careers"])))
    x = alt.X(
        "careers:Q", title="careers seen in training", axis=axis, scale=alt.Scale(type="log", nice=False, padding=16)
    )
    y = alt.Y("perplexity:Q", title="perplexity (lower is better)", scale=value_scale(known, "perplexity"))
    base = alt.Chart(known).encode(x=x, color=colour)
    layers: list[alt.Chart] = [base.mark_line(strokeWidth=2).encode(y=y)]
    if len(bounds) == 2:
        layers.append(base.mark_rule(strokeWidth=4, strokeCap="round", opacity=0.35).encode(y="low:Q", y2="high:Q"))
    shape = alt.Shape("series:N", scale=alt.Scale(domain=order), legend=None)
    layers.append(base.mark_point(filled=True, size=80, opacity=1).encode(y=y, shape=shape))
    ends = alt.Chart(known.filter(pl.col("careers") == pl.col("careers").max().over("series"))).encode(x=x, y=y)
    layers.append(ends.mark_text(align="left", dx=12, fontSize=12, color=INK).encode(text="series:N"))
    return styled(alt.layer(*layers).properties(width=WIDE, height=260))


def pruning(frame: pl.DataFrame) -> Chart:
    """Draw the speed of pruned scoring by its tolerance; the line across is exact scoring.

    Args:
        frame: Columns tolerance, speed (relative to exact scoring), nodes (run per record).
    """
    known = finite(frame, "speed", "tolerance", "nodes")
    axis = alt.Axis(format="~g", grid=False, values=sorted(known["tolerance"]))
    x = alt.X("tolerance:Q", title="tolerance (total variation)", axis=axis, scale=alt.Scale(type="log", padding=24))
    y = alt.Y("speed:Q", title="speed over exact scoring", scale=alt.Scale(domainMin=0, nice=True))
    base = alt.Chart(known).encode(x=x, y=y)
    exact = alt.Chart(pl.DataFrame({"at": [1.0]})).mark_rule(color=MUTED, strokeWidth=1, strokeDash=[3, 3])
    label = base.transform_calculate(label="format(datum.nodes, ',.0f') + ' nodes'")
    return styled(
        alt.layer(
            exact.encode(y="at:Q"),
            base.mark_line(strokeWidth=2, color=MARK),
            base.mark_point(filled=True, size=80, color=MARK, opacity=1),
            label.mark_text(dy=-14, fontSize=12, color=INK).encode(text="label:N"),
        ).properties(width=WIDE, height=260)
    )


def rates(frame: pl.DataFrame) -> Chart:
    """Draw how many records each model forecasts a second, the fastest first, on a logarithmic axis.

    Args:
        frame: Columns model, estimate (records a second).
    """
    shown = finite(frame, "estimate", "model").sort("estimate", descending=True)
    low, high = extreme(shown, "estimate")
    x = alt.X(
        "estimate:Q",
        title="records a second (higher is better)",
        axis=alt.Axis(format="~g", tickCount=4, grid=False),
        scale=alt.Scale(type="log", nice=False, domain=[low / 2, high * 2]),
    )
    y = alt.Y(
        "model:N", sort=None, axis=alt.Axis(title=None, labelLimit=200, labelPadding=8, labelColor=INK, grid=True)
    )
    base = alt.Chart(shown).encode(x=x, y=y)
    dot = base.mark_point(filled=True, size=72, color=MARK, opacity=1)
    number = base.mark_text(align="left", dx=10, dy=-9, fontSize=12, color=INK).encode(
        text=alt.Text("estimate:Q", format=".2~r")
    )
    return styled(alt.layer(dot, number).properties(width=WIDE, height=alt.Step(26)))
