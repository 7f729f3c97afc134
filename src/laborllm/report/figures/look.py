"""The one look of all figures: colours, sizes, axes, and the way to an SVG element.

A dot for an estimate, a bar for its 95 % interval, names to the left, thin grey guides. Colours are those of Okabe and
Ito (2008), distinct to every kind of colour vision; no figure relies only on colour.
"""

import re
import textwrap
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
LOG_ABOVE = 4  # largest over smallest value from which an axis is logarithmic
COLUMNS = 4  # panels side by side
FITS = 24  # letters over a small panel

KIND_TITLES = {"all": "all records", "first": "first records", "stay": "stays", "move": "moves"}


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


def to_svg(chart: Chart, name: str) -> str:
    """The chart as an SVG element. `name` makes its identifiers its own, so that a page can hold several."""
    svg = str(vl_convert.vegalite_to_svg(chart.to_dict(validate=False)))
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)


def dots(frame: pl.DataFrame, title: str, scale: alt.Scale, width: int, *, names: bool = True) -> Panel:
    """A row per model: its interval as a bar, its estimate as a dot.

    Args:
        frame: Columns model, estimate, low and high.
        title: Of the horizontal axis.
        scale: Of the horizontal axis.
        width: In pixels.
        names: Whether the names of the models are drawn.

    Returns:
        The chart.
    """
    label = alt.Axis(title=None, labels=names, labelLimit=200, labelPadding=8, labelColor=INK, grid=True)
    base = alt.Chart(finite(frame, "estimate", "model", "low", "high")).encode(
        y=alt.Y("model:N", sort=None, axis=label)
    )
    axis = alt.Axis(tickCount=3, grid=False, labelFlush=False)
    bar = base.mark_rule(strokeWidth=4, strokeCap="round", color=MARK, opacity=0.35).encode(
        x=alt.X("low:Q", title=title, scale=scale, axis=axis), x2="high:Q"
    )
    dot = base.mark_point(filled=True, size=72, color=MARK, opacity=1).encode(x=alt.X("estimate:Q", scale=scale))
    return alt.layer(bar, dot).properties(width=width, height=alt.Step(26))


def guide(at: float) -> alt.Chart:
    """A vertical line at a value that means something."""
    chart = alt.Chart(pl.DataFrame({"at": [at]})).mark_rule(color=MUTED, strokeWidth=1, strokeDash=[3, 3])
    line: alt.Chart = chart.encode(x="at:Q")
    return line


def grid(frame: pl.DataFrame, key: str, draw: DrawPanel, *, narrow: bool) -> alt.ConcatChart:
    """A panel for each value of a column, named by it line by line; two side by side where the page is narrow.

    Args:
        frame: What is drawn.
        key: The column.
        draw: Makes a panel of a part of the frame, given its width and whether it is the leftmost.
        narrow: Whether the page is narrow.

    Returns:
        The chart.
    """
    parts = _parts(frame, key)
    rows = -(-len(parts) // COLUMNS)  # of about as many panels each
    columns, width = (2, NARROW - 16) if narrow else (-(-len(parts) // rows), NARROW)
    panels = [
        draw(part, width, at % columns == 0).properties(title=_lines(KIND_TITLES.get(name, name)))
        for at, (name, part) in enumerate(parts)
    ]
    return alt.concat(*panels, columns=columns, spacing=20)


def _lines(title: str) -> str | list[str]:
    """A title in lines that fit over a small panel."""
    lines = textwrap.wrap(title, FITS) or [title]
    return title if len(lines) == 1 else lines


def _parts(frame: pl.DataFrame, key: str) -> list[tuple[str, pl.DataFrame]]:
    """The frame cut by a column, in the order its values come."""
    return [(str(part[key][0]), part) for part in frame.partition_by(key, maintain_order=True)]


def models_of(frame: pl.DataFrame) -> list[str]:
    """The models of a frame, in its order."""
    return frame["model"].unique(maintain_order=True).to_list()


def colour(frame: pl.DataFrame) -> alt.Color:
    """A colour per model, with a key where there are several."""
    models = models_of(frame)
    scale = alt.Scale(domain=models, range=[SERIES[at % len(SERIES)] for at in range(len(models))])
    return alt.Color("model:N", sort=models, scale=scale, legend=alt.Legend() if len(models) > 1 else None)


def shape(frame: pl.DataFrame) -> alt.Shape:
    """A shape per model, in the same key."""
    models = models_of(frame)
    legend = alt.Legend() if len(models) > 1 else None
    return alt.Shape("model:N", sort=models, scale=alt.Scale(domain=models), legend=legend)


def value_scale(frame: pl.DataFrame, value: str = "estimate") -> alt.Scale:
    """Logarithmic where one value is many times another, which would press the others together; zero is not shown."""
    low, high = extreme(frame, value)
    if high > LOG_ABOVE * low:
        return alt.Scale(type="log", nice=False, padding=8)
    return alt.Scale(zero=False, padding=8)


def ratio_scale(frame: pl.DataFrame) -> alt.Scale:
    """Holds one, the reference; logarithmic where a model is many times worse."""
    low, high = extreme(frame, "low", "high", "estimate")
    low, high = min(low, 1.0), max(high, 1.0)
    margin = (high / low) ** 0.1
    domain = [low / margin, high * margin]
    return alt.Scale(type="log" if high > LOG_ABOVE * low else "linear", domain=domain, zero=False, nice=False)


def extreme(frame: pl.DataFrame, *names: str) -> tuple[float, float]:
    """The least and the largest finite number in the columns named; zero and one where there is none."""
    numbers = pl.concat([frame[name].cast(pl.Float64).rename("number") for name in names]).drop_nulls()
    numbers = numbers.filter(numbers.is_finite())
    return (float(min(numbers)), float(max(numbers))) if len(numbers) else (0.0, 1.0)


def finite(frame: pl.DataFrame, value: str, *others: str) -> pl.DataFrame:
    """The rows of a frame whose value is finite, and no columns but those named: a chart copies all it is given.

    Args:
        frame: What is drawn.
        value: Name of the column with the value.
        others: Names of the other columns to keep.

    Returns:
        The smaller frame.
    """
    return frame.filter(pl.col(value).is_finite()).select(value, *others)
