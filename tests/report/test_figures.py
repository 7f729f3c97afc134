import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

import polars as pl
import pytest

from laborllm.evaluation import Evaluation
from laborllm.report import figures

CURVE = pl.DataFrame(
    {
        "series": ["one & two"] * 3 + ["three"] * 2,
        "careers": [100, 1000, 5000, 100, 5000],
        "perplexity": [30.0, 12.0, 8.0, 40.0, None],
        "low": [28.0, 11.0, 7.5, 38.0, None],
        "high": [33.0, 13.0, 8.5, 43.0, None],
    }
)

FRAMES: dict[str, tuple[figures.Draw, Callable[[Evaluation], pl.DataFrame]]] = {
    "perplexity": (figures.perplexity_by_model, lambda found: found.perplexity.filter(kind="all", measure="raw")),
    "kinds": (figures.perplexity_by_kind, lambda found: found.perplexity.filter(measure="normalised")),
    "ratios": (
        figures.ratio_to_reference,
        lambda found: found.differences.filter(comparison="ratio", measure="normalised"),
    ),
    "areas": (figures.areas, lambda found: found.auc),
    "calibration": (figures.calibration, lambda found: found.calibration.filter(event="change of occupation")),
    "curve": (figures.learning_curve, lambda _: CURVE),
    "rates": (figures.rates, lambda _: pl.DataFrame({"model": ["slow", "fast"], "estimate": [0.002, 20.0]})),
}


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(svg).iter() if each.tag.endswith("text")]


@pytest.mark.parametrize("name", FRAMES)
def test_a_figure_is_an_svg_that_names_its_models(evaluation: Evaluation, name: str) -> None:
    draw, frame_of = FRAMES[name]
    frame = frame_of(evaluation)
    shown = texts(figures.to_svg(draw(frame), name))
    key = "series" if "series" in frame.columns else "model"
    column = "perplexity" if "series" in frame.columns else "estimate"
    assert set(frame.filter(pl.col(column).is_not_null())[key]) <= set(shown)


def test_the_curve_of_pruning_tells_the_nodes() -> None:
    frame = pl.DataFrame(
        {"tolerance": [0.05, 0.001], "speed": [8.0, 1.6], "nodes": [145.2, 1772.0], "bound": [0.04, 0.0]}
    )
    shown = texts(figures.to_svg(figures.pruning(frame), "pruning"))
    assert {"145 nodes", "1,772 nodes", "0.05", "0.001"} <= set(shown)


def test_an_axis_is_logarithmic_only_beyond_a_factor_of_ten() -> None:
    frame = pl.DataFrame({"model": ["a", "b"], "estimate": [8.0, 79.0], "low": [7.0, 70.0], "high": [9.0, 90.0]})
    assert '"log"' not in figures.perplexity_by_model(frame).to_json()
    wide = frame.with_columns(estimate=pl.Series([8.0, 81.0]))
    assert '"log"' in figures.perplexity_by_model(wide).to_json()


def test_identifiers_of_two_figures_on_a_page_differ() -> None:
    one, two = (figures.to_svg(figures.learning_curve(CURVE), name) for name in ("one", "two"))
    identifiers = [
        {each.get("id") for each in ElementTree.fromstring(svg).iter() if each.get("id")} for svg in (one, two)
    ]
    assert not identifiers[0] & identifiers[1]


def test_infinite_and_withheld_numbers_are_left_out() -> None:
    frame = pl.DataFrame(
        {
            "model": ["a", "b", "c"],
            "estimate": [8.0, float("inf"), None],
            "low": [7.0, None, None],
            "high": [9.0, None, None],
        }
    )
    shown = texts(figures.to_svg(figures.perplexity_by_model(frame), "x"))
    assert "a" in shown
    assert not {"b", "c"} & set(shown)
