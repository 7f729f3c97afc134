"""Charts of years to come: what they name, how wide they are, and that nobody is lost in a river."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import polars as pl
import pytest

from laborllm.errors import OptionError
from laborllm.report import figures
from laborllm.report.charts import write_chart
from laborllm.report.figures.futures import _bars, _ribbons

GROUPS = pl.Enum(["Sales", "Machine operators, assemblers, and inspectors", "All others"])
LONG = GROUPS.categories[1]
SHARES = pl.DataFrame(
    {"year": [2025, 2025, 2025, 2027, 2027], "title": ["All others", "Sales", LONG, "Sales", LONG]}
).with_columns(pl.col("title").cast(GROUPS), share=pl.Series([0.25, 0.5, 0.25, 0.5, 0.5]))
COUNTS = SHARES.select("year", "title", count=8 * pl.col("share"), low=4 * pl.col("share"), high=12 * pl.col("share"))
FLOWS = pl.DataFrame(
    {
        "year": [2025, 2025, 2025, 2027, 2027],
        "next_year": [2027, 2027, 2027, 2028, 2028],
        "origin": ["Sales", "Sales", "All others", "Sales", LONG],
        "destination": ["Sales", LONG, LONG, "Sales", "All others"],
        "count": [3.0, 1.0, 4.0, 3.0, 5.0],
    }
).with_columns(pl.col("origin", "destination").cast(GROUPS))
CAREERS = pl.DataFrame(
    {"path": [0, 0, 1, 1], "year": [2025, 2026] * 2, "title": ["Sales", LONG, "Sales", "All others"]}
).with_columns(pl.col("title").cast(GROUPS))
DRAWN: dict[str, tuple[figures.Draw, pl.DataFrame]] = {
    "shares": (figures.shares_by_year, SHARES),
    "fan": (figures.fan, COUNTS),
    "river": (figures.river, FLOWS),
    "careers": (figures.index_plot, CAREERS),
}


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(svg).iter() if each.tag.endswith("text")]


@pytest.mark.parametrize("name", DRAWN)
def test_a_chart_names_its_groups_and_years_and_fits_a_phone(name: str) -> None:
    draw, frame = DRAWN[name]
    wide, narrow = (figures.to_svg(draw(frame, narrow=narrow), name) for narrow in (False, True))
    for svg in (wide, narrow):
        assert {"Sales", "2025"} <= set(texts(svg))
    assert float(ElementTree.fromstring(narrow).get("width", "999")) <= 360


@pytest.mark.parametrize("name", ["shares", "river", "careers"])
def test_a_group_has_one_colour_in_all_charts_and_the_rest_is_grey(name: str) -> None:
    draw, frame = DRAWN[name]
    scale = next(
        layer["encoding"]["color"]["scale"]
        for layer in draw(frame).to_dict().get("layer", [draw(frame).to_dict()])
        if "color" in layer["encoding"]
    )
    assert scale["domain"] == GROUPS.categories.to_list()
    assert scale["range"][0] == "#0a74b4"
    assert scale["range"][-1] == "#9aa4af"


def test_nobody_is_lost_in_a_river() -> None:
    titles = GROUPS.categories.to_list()
    edges, bars = _ribbons(FLOWS, titles), _bars(FLOWS, titles)
    assert bars.with_columns(at=(pl.col("from") + pl.col("to")) / 2).group_by("at", maintain_order=True).agg(
        pl.col("high").max(), (pl.col("high") - pl.col("low")).sum().alias("sum")
    ).rows() == [(2025, 8, 8), (2027, 8, 8), (2028, 8, 8)]
    for ribbon in edges.partition_by("ribbon"):
        assert (ribbon["high"] - ribbon["low"]).round(9).n_unique() == 1  # as wide all along
    for end in ("first", "last"):  # of the flows of 2025, side by side: no gap and no overlap
        spans = edges.filter(pl.col("ribbon").str.starts_with("2025")).group_by("ribbon", maintain_order=True)
        placed = spans.agg(getattr(pl.col("low"), end)(), getattr(pl.col("high"), end)()).sort("low")
        assert placed["low"].to_list() == [0, *placed["high"].to_list()[:-1]]
        assert placed["high"][-1] == 8


def test_alike_careers_lie_together() -> None:
    rows = pl.DataFrame(figures.index_plot(CAREERS.sort("path", descending=True)).to_dict()["datasets"].popitem()[1])
    assert rows.filter(pl.col("title") == LONG)["row"].to_list() == [0]
    assert rows.filter(pl.col("title") == "All others")["row"].to_list() == [1]


@pytest.mark.parametrize(("ending", "begins"), [("svg", b"<svg"), ("png", b"\x89PNG")])
def test_a_chart_is_written_as_its_name_says(ending: str, begins: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"shares.{ending}"
    write_chart(figures.shares_by_year(SHARES), path)
    assert path.read_bytes().startswith(begins)


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"end in \.svg or \.png"):
        write_chart(figures.shares_by_year(SHARES), tmp_path / "shares.pdf")
    assert not list(tmp_path.iterdir())
