"""Pages and lines about groups of people and backtests: their numbers are those of the tables they were given."""

import re
from pathlib import Path

import polars as pl
import pytest

from laborllm.occupations.taxonomy import STATE_GROUP
from laborllm.report.numbers import share
from laborllm.report.pages.backtest import score_lines, write_backtest_page
from laborllm.report.pages.people import people_lines

SCORES = pl.DataFrame(
    [
        (model, horizon, metric, 40, 20, estimate, 0.1)
        for metric, by_model in {
            "log score": {"chain": (1.25, 1.5), "network": (1.0, 1.75), "constant": (2.0, 2.5)},
            "Brier score": {"chain": (0.5, 0.6), "network": (0.4, 0.7), "constant": (0.9, 1.0)},
            "top-1": {"chain": (0.6, 0.5), "network": (0.7, 0.4), "constant": (0.2, 0.1)},
            "top-5": {"chain": (0.8, 0.7), "network": (0.9, 0.6), "constant": (0.4, 0.3)},
        }.items()
        for model, estimates in by_model.items()
        for horizon, estimate in zip((2, 4), estimates, strict=True)
    ],
    schema=["model", "horizon", "metric", "records", "workers", "estimate", "standard_error"],
    orient="row",
)
PATHS = pl.DataFrame(
    [
        (model, None, metric, 20, 20, 0.5, 0.1)
        for model in ("chain", "network", "constant")
        for metric in ("CRPS, moves", "energy score", "coverage 90%, moves")
    ],
    schema=SCORES.schema,
    orient="row",
)
RATES = pl.DataFrame(
    [
        (model, 2000, horizon, age, group, 10, observed, expected, 0, 9)
        for model in ("chain", "network", "constant")
        for horizon in (2, 4)
        for age in ("under 25", "25 to 34")
        for group, observed, expected in (("Sales", 3, 2.5), ("Production", 7, 7.5))
    ],
    schema=["model", "origin", "horizon", "age", "group", "people", "observed", "expected", "low", "high"],
    orient="row",
)
COVERAGE = pl.DataFrame(
    [
        (model, horizon, level, cells, held, "draws")
        for model in ("chain", "network", "constant")
        for level in (0.5, 0.9)
        for horizon, cells, held in ((2, 30, 0.9), (4, 10, 0.5))
    ],
    schema=["model", "horizon", "level", "cells", "held", "holds"],
    orient="row",
)


@pytest.fixture
def page(tmp_path: Path) -> str:
    path = tmp_path / "backtest.html"
    write_backtest_page(path, pl.concat([SCORES, PATHS]), RATES, COVERAGE, dataset="TOWN <1>")
    return path.read_text(encoding="utf-8")


def test_lines_of_scores_say_the_first_and_the_last_year() -> None:
    held = "80.0 % of counts of people in their 90 % intervals, which hold draws"
    assert score_lines(SCORES, COVERAGE) == [
        f"chain: log score 1.25 at 2 years, 1.50 at 4 years; {held}",
        f"network: log score 1.00 at 2 years, 1.75 at 4 years; {held}",
        f"constant: log score 2.00 at 2 years, 2.50 at 4 years; {held}",
    ]
    assert score_lines(SCORES.filter(horizon=2), COVERAGE.clear())[0] == "chain: log score 1.25 at 2 years"
    shuffled = SCORES.sample(fraction=1, shuffle=True, seed=3)
    assert sorted(score_lines(shuffled, COVERAGE)) == sorted(score_lines(SCORES, COVERAGE))


def test_the_model_with_the_lowest_mean_is_ahead(page: str) -> None:
    """Equal means of chain and network: the first of them is named."""
    assert "chain is ahead: a log score of 1.25 nats 2 years ahead and of 1.50 nats 4 years ahead." in page
    assert ">80<" in page  # records forecast, at both horizons


def test_counts_that_lie_in_their_intervals_are_weighted_by_cells(page: str) -> None:
    """27 of 30 and 5 of 10 are 32 of 40."""
    assert f">{share(0.8)}<" in page
    assert ">40<" in page


def test_the_page_stands_alone_and_escapes_what_it_is_given(page: str) -> None:
    assert "TOWN &lt;1&gt;" in page
    assert "TOWN <1>" not in page
    assert not re.search(r"https?://(?!www\.w3\.org)|<script", page)
    assert page.count("<figure>") == 2
    assert "Origins" in page
    for model in ("chain", "network", "constant"):
        assert f">{model}<" in page


GROUPS = pl.DataFrame(
    [
        (group, workers, year, title, count, count - 1, count + 1)
        for group, workers in (("women", 10), ("men", 20))
        for year in (2026, 2028)
        for title, count in (("Sales", workers * 0.5), ("Production", workers * 0.3), (STATE_GROUP, workers * 0.2))
    ],
    schema=["group", "workers", "year", "title", "count", "low", "high"],
    orient="row",
)


def test_a_line_for_each_group_and_year() -> None:
    lines = people_lines(GROUPS, 0.9)
    assert [line.partition(":")[0] for line in lines] == ["women, 2026", "women, 2028", "men, 2026", "men, 2028"]
    assert "of 10 people 8 at work" in lines[0]
    assert "of 20 people 16 at work" in lines[2]
    for line in lines:
        numbers = re.findall(r"(\d+) [A-Za-z]", line.partition("of 100, ")[2])
        assert [int(number) for number in numbers] == [50, 30, 20]
        assert "in 90 % of futures" in line


def test_everybody_together_has_no_name() -> None:
    (line,) = people_lines(GROUPS.filter(group="men", year=2026).with_columns(group=pl.lit("all")), 0.5)
    assert line.startswith("2026: of 20 people 16 at work")
    assert "in 50 % of futures" in line
