"""The page of a panel: whole, self-contained, and silent about whoever is in a small cell."""

import random
from pathlib import Path

import polars as pl
import pytest

from laborllm.errors import StorageError
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.report.pages.panel import write_description
from report.page import Page, assert_stands_alone

HOSTILE = "<script>alert(1)</script> & sons"
OCCUPATIONS = [("A", HOSTILE, HOSTILE), ("B", "Cooks", "Food"), ("C", "Mayors of Atlantis", "Atlantis")]


def _panel(states: list[str], workers: int, birth_year: int | None) -> Panel:
    """Workers who draw two occupations or a state each year; one of them was a mayor for a year."""
    codes, draw = ["A", "B", *states], random.Random(0)
    rows = [
        (f"worker-{worker}", year, draw.choice(codes), "train", birth_year and birth_year + worker % 2)
        for worker in range(workers)
        for year in range(2000, 2004)
    ]
    rows.append(("worker-0", 2004, "C", "train", birth_year))
    names = {"worker": pl.String, "year": pl.Int16, "occupation": pl.String, "split": pl.String, "birth_year": pl.Int16}
    left_out = {HOSTILE: 30}
    provenance = Provenance(
        "made up",
        {"own.csv": "ab" * 32},
        len(rows) + 30,
        left_out,
        {"encoding": HOSTILE, "codes not in taxonomy": "1230 (1 row)"},
    )
    taxonomy = Taxonomy.from_occupations("jobs", OCCUPATIONS).with_states(states)
    return Panel(pl.DataFrame(rows, names, orient="row"), taxonomy, HOSTILE, provenance)


def _written(folder: Path, panel: Panel) -> str:
    write_description(folder / "panel.html", panel)
    return (folder / "panel.html").read_text("utf-8")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _written(tmp_path_factory.mktemp("page"), _panel(["unemployed", "in_education"], 240, 1980))


def test_the_page_has_its_parts_in_order(text: str) -> None:
    page = Page(text)
    assert page.headings == [
        f"The panel {HOSTILE}",
        "Years",
        "States by age",
        "From one record to the next",
        "Occupations and states",
        "What is known of the workers",
        "Where the rows went",
        "The data",
        "What it holds of people",
    ]
    assert page.seen.count("svg") == page.seen.count("figure") == 4


def test_the_page_stands_alone_and_escapes_its_text(text: str) -> None:
    assert_stands_alone(text)
    assert text.count("&lt;script&gt;") >= 5


def test_nobody_in_a_small_cell_is_shown(text: str) -> None:
    assert "Atlantis" not in text
    assert "worker-" not in text
    assert "1230 (1 row)" not in text
    assert "2004</th>" not in text


def test_the_row_counts_add_up(text: str) -> None:
    row_counts = text.partition("Where the rows went")[2]
    places = [row_counts.index(f">{number}<") for number in ("991", "\N{MINUS SIGN}30", "961")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("states", "workers", "birth_year"), [([], 60, 1980), (["unemployed"], 60, None), ([], 3, None)]
)
def test_a_page_without_what_is_not_there(
    states: list[str], workers: int, birth_year: int | None, tmp_path: Path
) -> None:
    page = Page(_written(tmp_path, _panel(states, workers, birth_year)))
    assert "States by age" not in page.headings
    assert ("Years" in page.headings) == (workers >= 10)


def test_a_missing_folder_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no folder"):
        write_description(tmp_path / "none" / "panel.html", _panel([], 20, None))
