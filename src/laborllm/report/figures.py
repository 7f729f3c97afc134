"""Figures of an evaluation: each takes a tidy frame and returns the chart; saving is the caller's.

One look for all: a dot for an estimate, a bar for its 95 % interval, names to the left, thin grey guides. Colours are
those of Okabe and Ito (2008), told apart by every kind of colour vision; no figure relies on colour alone.
"""

import math
import re
from collections.abc import Callable
from typing import Protocol

import altair as alt
import polars as pl
import vl_convert

Panel = alt.LayerChart | alt.FacetChart
Chart = Panel | alt.ConcatChart


class Draw(Protocol):
    """Draws a tidy frame, for a wide page or a narrow one."""

    def __call__(self, frame: pl.DataFrame, *, narrow: bool = False) -> Chart: ...


DrawPanel = Callable[[pl.DataFrame, int, bool], Panel]
"""Draws a part of a frame at a width in pixels, with the names of its rows or without."""

INK, MUTED, GUIDE, MARK = "#1f2328", "#59636e", "#e4e7eb", "#0072b2"
SERIES = (MARK, "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
FONT = "Helvetica, Arial, sans-serif"

WIDE, PHONE, NARROW = 540, 200, 136  # pixels of a figure of one panel, on a phone, and of one among several
LOG_ABOVE = 10  # largest over smallest value from which an axis is logarithmic
COLUMNS = 4  # panels side by side

KIND_TITLES = {"all": "all records", "first": "first records", "stay": "stays", "move": "moves"}


def perplexity_by_model(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """frame: model, estimate, low, high; one row per model, drawn in the order given."""
    return styled(_dots(frame, "perplexity (lower is better)", _value_scale(frame), PHONE if narrow else WIDE))


def perplexity_by_level(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """frame: model, level, estimate, low, high. One panel per level, each with its own axis."""

    def draw(part: pl.DataFrame, width: int, names: bool) -> Panel:
        return _dots(part, "perplexity", _value_scale(part), width, names=names)

    return styled(_grid(frame, "level", draw, narrow=narrow))


def ratio_to_reference(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """frame: model, level, estimate, low, high: perplexity over the reference's. A panel per level; the line is one."""

    def draw(part: pl.DataFrame, width: int, names: bool) -> Panel:
        return alt.layer(_guide(1.0), _dots(part, "ratio of perplexity", _ratio_scale(part), width, names=names))

    return styled(_grid(frame, "level", draw, narrow=narrow))


def areas(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """frame: model, outcome, estimate, low, high. One panel per outcome, all on one axis; the line is chance."""
    scale = alt.Scale(domain=[min(0.5, _extreme(frame, "low", "estimate")[0]), 1.0], zero=False)

    def draw(part: pl.DataFrame, width: int, names: bool) -> Panel:
        return alt.layer(_guide(0.5), _dots(part, "area under the ROC curve", scale, width, names=names))

    return styled(_grid(frame, "outcome", draw, narrow=narrow))


def perplexity_by_group(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """frame: model, level, estimate, low, high. A row per level, on one axis; models told apart by colour and shape."""
    levels = frame["level"].unique(maintain_order=True).to_list()
    names = alt.Axis(title=None, labelLimit=150 if narrow else 300, labelPadding=8, labelColor=INK, grid=True)
    base = alt.Chart(_finite(frame, "estimate", "model", "level", "low", "high")).encode(
        y=alt.Y("level:N", sort=levels, axis=names),
        yOffset=alt.YOffset("model:N", sort=_models(frame)),
        color=_colour(frame),
    )
    scale = _value_scale(frame)
    axis = alt.Axis(tickCount=4, grid=False, labelFlush=False)
    bar = base.mark_rule(strokeWidth=3, strokeCap="round", opacity=0.45).encode(
        x=alt.X("low:Q", title="perplexity (lower is better)", scale=scale, axis=axis), x2="high:Q"
    )
    dot = base.mark_point(filled=True, size=60, opacity=1).encode(
        x=alt.X("estimate:Q", scale=scale), shape=_shape(frame)
    )
    step = alt.Step(12, **{"for": "offset"})
    return styled(alt.layer(bar, dot).properties(width=180 if narrow else 480, height=step))


def perplexity_over_time(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """frame: model, level (a year, or a decade such as 1990s), estimate, low, high. Years are on a true axis."""
    years = alt.Axis(format="d", grid=False, tickCount=5 if narrow else 10, tickMinStep=1)
    dated = frame.with_columns(year=pl.col("level").str.extract(r"(\d+)").cast(pl.Int64))
    base = alt.Chart(_finite(dated, "estimate", "model", "year", "low", "high")).encode(
        x=alt.X("year:Q", title=None, axis=years, scale=alt.Scale(zero=False, nice=False, padding=12)),
        color=_colour(frame),
    )
    y = alt.Y("estimate:Q", title="perplexity (lower is better)", scale=_value_scale(frame))
    layers = [
        base.mark_line(strokeWidth=1.5).encode(y=y),
        base.mark_rule(strokeWidth=3, strokeCap="round", opacity=0.35).encode(y="low:Q", y2="high:Q"),
        base.mark_point(filled=True, size=50, opacity=1).encode(y=y, shape=_shape(frame)),
    ]
    return styled(alt.layer(*layers).properties(width=PHONE if narrow else WIDE, height=240))


def flows(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """frame: model, observed, expected. A panel per model, both axes logarithmic; the line is where they agree."""
    low, high = _extreme(frame, "observed", "expected")
    scale = alt.Scale(type="log", domain=[low / 1.3, high * 1.3], nice=False)
    axis = alt.Axis(format="~s", tickCount=3, grid=False)

    def draw(part: pl.DataFrame, width: int, names: bool) -> Panel:
        ends = pl.DataFrame({"expected": [low / 1.3, high * 1.3], "observed": [low / 1.3, high * 1.3]})
        line = alt.Chart(ends).mark_line(color=MUTED, strokeWidth=1, strokeDash=[3, 3])
        dots = alt.Chart(_finite(part, "expected", "observed")).mark_point(
            filled=True, size=40, color=MARK, opacity=0.7
        )
        y = alt.Y("observed:Q", title="observed" if names else None, scale=scale, axis=axis)
        x = alt.X("expected:Q", title="expected", scale=scale, axis=axis)
        return alt.layer(line.encode(x=x, y=y), dots.encode(x=x, y=y)).properties(width=width, height=width)

    return styled(_grid(frame, "model", draw, narrow=narrow))


def calibration(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """frame: model, predicted, estimate (the share observed), low, high. A panel per model; the line is perfect."""
    end = min(1.0, math.ceil(10 * _extreme(frame, "predicted", "estimate", "high")[1]) / 10)

    def draw(part: pl.DataFrame, width: int, names: bool) -> Panel:
        return _calibration_panel(part, end, width, first=names)

    return styled(_grid(frame, "model", draw, narrow=narrow))


def learning_curve(frame: pl.DataFrame) -> Chart:
    """frame: series, careers, perplexity, and low and high where known. Careers are on a logarithmic axis."""
    bounds = [name for name in ("low", "high") if name in frame.columns]
    known = _finite(frame, "perplexity", "series", "careers", *bounds)
    order = known["series"].unique(maintain_order=True).to_list()
    colour = alt.Color("series:N", scale=alt.Scale(domain=order, range=list(SERIES)), legend=None)
    axis = alt.Axis(format="~s", grid=False, values=sorted(set(known["careers"])))
    x = alt.X(
        "careers:Q", title="careers seen in training", axis=axis, scale=alt.Scale(type="log", nice=False, padding=16)
    )
    y = alt.Y("perplexity:Q", title="perplexity (lower is better)", scale=_value_scale(known, "perplexity"))
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
    """frame: tolerance, speed (over that of exact scoring) and nodes (run per record). The line is exact scoring."""
    known = _finite(frame, "speed", "tolerance", "nodes")
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
    """frame: model, estimate: records a second, the fastest first; on a logarithmic axis, with the number beside."""
    shown = _finite(frame, "estimate", "model").sort("estimate", descending=True)
    low, high = _extreme(shown, "estimate")
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


def to_svg(chart: Chart, name: str) -> str:
    """The chart as an SVG element. `name` makes its identifiers its own, so that a page can hold several."""
    svg = str(vl_convert.vegalite_to_svg(chart.to_dict(validate=False)))
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)


def _dots(frame: pl.DataFrame, title: str, scale: alt.Scale, width: int, *, names: bool = True) -> Panel:
    """A row per model: its interval as a bar, its estimate as a dot."""
    label = alt.Axis(title=None, labels=names, labelLimit=200, labelPadding=8, labelColor=INK, grid=True)
    base = alt.Chart(_finite(frame, "estimate", "model", "low", "high")).encode(
        y=alt.Y("model:N", sort=None, axis=label)
    )
    axis = alt.Axis(tickCount=3, grid=False, labelFlush=False)
    bar = base.mark_rule(strokeWidth=4, strokeCap="round", color=MARK, opacity=0.35).encode(
        x=alt.X("low:Q", title=title, scale=scale, axis=axis), x2="high:Q"
    )
    dot = base.mark_point(filled=True, size=72, color=MARK, opacity=1).encode(x=alt.X("estimate:Q", scale=scale))
    return alt.layer(bar, dot).properties(width=width, height=alt.Step(26))


def _calibration_panel(frame: pl.DataFrame, end: float, width: int, *, first: bool) -> Panel:
    scale = alt.Scale(domain=[0, end], nice=False)
    axis = alt.Axis(format=".0%", tickCount=2, labelFlush=False)
    diagonal = pl.DataFrame({"predicted": [0.0, end], "estimate": [0.0, end]})
    x = alt.X("predicted:Q", title="predicted", scale=scale, axis=axis)
    y_title = "observed" if first else None
    base = alt.Chart(_finite(frame, "estimate", "predicted", "low", "high")).encode(x=x)
    return alt.layer(
        alt.Chart(diagonal)
        .mark_line(color=MUTED, strokeWidth=1, strokeDash=[3, 3])
        .encode(x="predicted:Q", y="estimate:Q"),
        base.mark_rule(strokeWidth=3, color=MARK, opacity=0.35).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        base.mark_point(filled=True, size=50, color=MARK, opacity=1).encode(
            y=alt.Y("estimate:Q", title=y_title, scale=scale, axis=axis)
        ),
    ).properties(width=width, height=width)


def _guide(at: float) -> alt.Chart:
    """A vertical line at a value that means something."""
    chart = alt.Chart(pl.DataFrame({"at": [at]})).mark_rule(color=MUTED, strokeWidth=1, strokeDash=[3, 3])
    line: alt.Chart = chart.encode(x="at:Q")
    return line


def _grid(frame: pl.DataFrame, key: str, draw: DrawPanel, *, narrow: bool) -> alt.ConcatChart:
    """A panel for each value of a column, named by it; two side by side where the page is narrow."""
    columns, width = (2, NARROW - 16) if narrow else (COLUMNS, NARROW)
    panels = [
        draw(part, width, at % columns == 0).properties(title=KIND_TITLES.get(name, name))
        for at, (name, part) in enumerate(_parts(frame, key))
    ]
    return alt.concat(*panels, columns=columns, spacing=20)


def _models(frame: pl.DataFrame) -> list[str]:
    return frame["model"].unique(maintain_order=True).to_list()


def _colour(frame: pl.DataFrame) -> alt.Color:
    """A colour per model, with a key where there are several."""
    models = _models(frame)
    scale = alt.Scale(domain=models, range=[SERIES[at % len(SERIES)] for at in range(len(models))])
    return alt.Color("model:N", sort=models, scale=scale, legend=alt.Legend() if len(models) > 1 else None)


def _shape(frame: pl.DataFrame) -> alt.Shape:
    """A shape per model, in the same key."""
    models = _models(frame)
    legend = alt.Legend() if len(models) > 1 else None
    return alt.Shape("model:N", sort=models, scale=alt.Scale(domain=models), legend=legend)


def _value_scale(frame: pl.DataFrame, value: str = "estimate") -> alt.Scale:
    """Logarithmic where the values span more than a factor of ten; zero is not shown."""
    low, high = _extreme(frame, value)
    if high > LOG_ABOVE * low:
        return alt.Scale(type="log", nice=False, padding=8)
    return alt.Scale(zero=False, padding=8)


def _ratio_scale(frame: pl.DataFrame) -> alt.Scale:
    """Holds one, the reference; logarithmic where a model is many times worse."""
    low, high = _extreme(frame, "low", "high", "estimate")
    low, high = min(low, 1.0), max(high, 1.0)
    margin = (high / low) ** 0.1
    domain = [low / margin, high * margin]
    return alt.Scale(type="log" if high > LOG_ABOVE * low else "linear", domain=domain, zero=False, nice=False)


def _extreme(frame: pl.DataFrame, *names: str) -> tuple[float, float]:
    """The least and the largest finite number in the columns named; zero and one where there is none."""
    numbers = pl.concat([frame[name].cast(pl.Float64).rename("number") for name in names]).drop_nulls()
    numbers = numbers.filter(numbers.is_finite())
    return (float(min(numbers)), float(max(numbers))) if len(numbers) else (0.0, 1.0)


def _finite(frame: pl.DataFrame, value: str, *others: str) -> pl.DataFrame:
    """The rows with a finite `value`, and no columns but those named: a chart carries, and copies, all it is given."""
    return frame.filter(pl.col(value).is_finite()).select(value, *others)


def _parts(frame: pl.DataFrame, key: str) -> list[tuple[str, pl.DataFrame]]:
    """The frame cut by a column, in the order its values come."""
    return [(str(part[key][0]), part) for part in frame.partition_by(key, maintain_order=True)]


def styled(chart: Chart) -> Chart:
    """The one look, in one call: each call copies the chart whole."""
    axis = alt.AxisConfig(
        domainColor=GUIDE,
        tickColor=GUIDE,
        gridColor=GUIDE,
        labelColor=MUTED,
        titleColor=MUTED,
        labelFontSize=12,
        titleFontSize=12,
        titleFontWeight="normal",
        titlePadding=8,
    )
    styled: Chart = chart.configure(
        font=FONT,
        background="transparent",
        view=alt.ViewConfig(stroke=None),
        axis=axis,
        axisY=alt.AxisConfig(domain=False, ticks=False),
        legend=alt.LegendConfig(
            orient="top", title=None, labelColor=INK, labelFontSize=12, labelLimit=400, symbolType="square", offset=12
        ),
        title=alt.TitleConfig(anchor="start", color=INK, fontSize=13, fontWeight="bold", offset=8),
    )
    return styled
