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


def perplexity(found: Evaluation, group: str) -> pl.DataFrame:
    return found.estimates.filter(metric="perplexity", group=group)


FRAMES: dict[str, tuple[figures.Draw, Callable[[Evaluation], pl.DataFrame]]] = {
    "perplexity": (figures.perplexity_by_model, lambda found: perplexity(found, "all")),
    "kinds": (figures.perplexity_by_level, lambda found: perplexity(found, "transition")),
    "groups": (figures.perplexity_by_group, lambda found: perplexity(found, "gender*education")),
    "years": (figures.perplexity_over_time, lambda found: perplexity(found, "year")),
    "ratios": (
        figures.ratio_to_reference,
        lambda found: found.comparisons.filter(comparison="ratio", metric="perplexity", group="transition"),
    ),
    "areas": (
        figures.areas,
        lambda found: found.estimates.filter(metric="auc_change", group="all").rename({"metric": "outcome"}),
    ),
    "flows": (figures.flows, lambda found: found.flows.filter(pl.col("observed") > 0)),
    "calibration": (figures.calibration, lambda found: found.reliability.filter(event="change")),
}
CHARTS = {
    "curve": figures.learning_curve(CURVE),
    "rates": figures.rates(pl.DataFrame({"model": ["slow", "fast"], "estimate": [0.002, 20.0]})),
}


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(svg).iter() if each.tag.endswith("text")]


def width(svg: str) -> float:
    return float(ElementTree.fromstring(svg).get("width", "0"))


@pytest.mark.parametrize("name", FRAMES)
def test_a_figure_names_its_models_and_has_a_form_that_fits_a_phone(evaluation: Evaluation, name: str) -> None:
    draw, frame_of = FRAMES[name]
    frame = frame_of(evaluation)
    wide, narrow = figures.to_svg(draw(frame), name), figures.to_svg(draw(frame, narrow=True), name)
    models = set(frame["model"]) if frame["model"].n_unique() > 1 else set()
    assert models <= set(texts(wide))
    assert models <= set(texts(narrow))
    assert width(narrow) <= 360  # of 390, less the margins of the page


def test_other_figures_name_their_series() -> None:
    assert {"one & two", "three"} <= set(texts(figures.to_svg(CHARTS["curve"], "curve")))
    assert {"slow", "fast"} <= set(texts(figures.to_svg(CHARTS["rates"], "rates")))


def test_years_are_on_a_true_axis(evaluation: Evaluation) -> None:
    shown = texts(figures.to_svg(figures.perplexity_over_time(perplexity(evaluation, "year")), "years"))
    assert {"2000", "2008"} <= set(shown)


def test_the_curve_of_pruning_tells_the_nodes() -> None:
    frame = pl.DataFrame(
        {"tolerance": [0.05, 0.001], "speed": [8.0, 1.6], "nodes": [145.2, 1772.0], "bound": [0.04, 0.0]}
    )
    shown = texts(figures.to_svg(figures.pruning(frame), "pruning"))
    assert {"145 nodes", "1,772 nodes", "0.05", "0.001"} <= set(shown)


def test_an_axis_is_logarithmic_only_beyond_a_factor_of_four() -> None:
    frame = pl.DataFrame({"model": ["a", "b"], "estimate": [8.0, 31.0], "low": [7.0, 30.0], "high": [9.0, 34.0]})
    assert '"log"' not in figures.perplexity_by_model(frame).to_json()
    wide = frame.with_columns(estimate=pl.Series([8.0, 33.0]))
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
