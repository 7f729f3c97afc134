"""Differences between two versions of a forecast: a tidy frame to a chart, in the look of the other figures."""

import altair as alt
import polars as pl

from laborllm.report.figures.look import Chart, dots, guide, styled


def differences(frame: pl.DataFrame, *, narrow: bool = False) -> Chart:
    """Draw how many of a hundred people each occupation gains in the other version, or loses: to the left of the line.

    Args:
        frame: Columns title, people, low, high; a row per title.
        narrow: For a phone's screen.
    """
    width = 130 if narrow else 380
    name = "fewer or more of 100" if narrow else "fewer or more of 100 people"
    scale = alt.Scale(domain=[min(0, *frame["low"]), max(0, *frame["high"])], nice=True)
    rows = dots(frame.rename({"title": "model", "people": "estimate"}), name, scale, width)
    return styled(alt.layer(guide(0), rows))
