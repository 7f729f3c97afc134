"""The page on a group of people: its sentence, numbers and tables against frames that were written down by hand."""

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from laborllm.errors import StorageError
from laborllm.occupations.taxonomy import STATE_GROUP
from laborllm.report.pages.people import LISTED, NO_PROMISE, PeopleFutures, people_lines, write_people_page
from report.page import Page, assert_stands_alone

YEARS = (2026, 2028, 2031)
# Expected people, and the interval, of forty people by year and group.
COUNTS: dict[str, list[tuple[float, int, int]]] = {
    "Sales": [(20.4, 16, 25), (18.2, 14, 23), (15.6, 11, 20)],
    "Production": [(11.6, 8, 15), (12.0, 8, 16), (16.0, 11, 21)],
    "Farming <& forestry>": [(0.1, 0, 1), (0.3, 0, 1), (0.4, 0, 2)],
    STATE_GROUP: [(7.9, 4, 12), (9.5, 5, 14), (8.0, 4, 12)],
}
TITLES = ["Sales", "Production", "All others"]


def groups(years: tuple[int, ...] = YEARS, **more: Any) -> pl.DataFrame:
    """What `group_shares` gives of major groups."""
    rows = [("all", 40, year, title, *COUNTS[title][YEARS.index(year)]) for year in years for title in COUNTS]
    frame = pl.DataFrame(rows, ["group", "workers", "year", "title", "count", "low", "high"], orient="row")
    return frame.with_columns(**{name: pl.lit(value) for name, value in more.items()})


def futures(years: tuple[int, ...] = YEARS, **more: Any) -> PeopleFutures:
    title = pl.Enum(TITLES)
    shares = pl.DataFrame(
        [(year, name, share) for year in years for name, share in zip(TITLES, (0.5, 0.3, 0.2), strict=True)],
        {"year": pl.Int64, "title": title, "share": pl.Float64},
        orient="row",
    )
    counts = pl.DataFrame(
        [(year, name, 20.0, 15, 25) for name in TITLES[:2] for year in years],
        {"year": pl.Int64, "title": title, "count": pl.Float64, "low": pl.Int64, "high": pl.Int64},
        orient="row",
    )
    flows = pl.DataFrame(
        [(years[0], years[-1], one, other, 5.0) for one in TITLES for other in TITLES],
        {"year": pl.Int64, "next_year": pl.Int64, "origin": title, "destination": title, "count": pl.Float64},
        orient="row",
    )
    careers = pl.DataFrame(
        [(path, year, TITLES[path % 3]) for path in range(6) for year in years],
        {"path": pl.Int64, "year": pl.Int64, "title": title},
        orient="row",
    )
    occupations = pl.DataFrame(
        [(40, year, f"Occupation {at}", 20.0 - at, 10 - at // 2, 30 - at) for year in years for at in range(20)],
        ["workers", "year", "title", "count", "low", "high"],
        orient="row",
    )
    several = len(years) > 1
    given: dict[str, Any] = {
        "groups": groups(years),
        "occupations": occupations,
        "shares": shares,
        "counts": counts,
        "flows": flows if several else None,
        "careers": careers if several else None,
        "facts": {"Model": "counts", "Assumed": "covariates held"},
        "level": 0.9,
    }
    return PeopleFutures(**given | more)


def written(folder: Path, found: PeopleFutures, **more: str) -> str:
    write_people_page(folder / "people.html", found, **more)  # type: ignore[arg-type]
    return (folder / "people.html").read_text("utf-8")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("people"), futures())


def test_the_page_has_its_parts_in_order(text: str) -> None:
    assert Page(text).headings == [
        "Where these people will be",
        "Year by year",
        "How sure that is",
        "Who goes where",
        "Careers that may come",
        "Occupations",
        "Notes",
        "The data",
    ]
    assert NO_PROMISE in text
    assert_stands_alone(text)


def test_the_sentence_counts_those_with_a_job_in_the_first_and_the_last_year(text: str) -> None:
    """40 less 7.9 are 32, 40 less 8 are 32; the most frequent jobs of 2031 are in production, then in sales."""
    headline = "Of 40 people, 32 are expected to be at work in 2026 and 32 in 2031. "
    assert f"{headline}The most frequent jobs are in production and in sales." in text


def test_key_numbers_turn_the_interval_of_those_without_a_job_round(text: str) -> None:
    found = re.findall(r"<li><strong>(\d+)</strong> <span>([^<]*)</span>", text)
    assert found == [
        ("40", "people"),
        ("32", "expected at work in 2026; 28 to 36 in 90\N{NO-BREAK SPACE}% of futures"),
        ("30", "expected at work in 2028; 26 to 35 in 90\N{NO-BREAK SPACE}% of futures"),
        ("32", "expected at work in 2031; 28 to 36 in 90\N{NO-BREAK SPACE}% of futures"),
    ]


def test_the_first_and_the_last_year_have_a_table_of_the_largest_occupations(text: str) -> None:
    tables = re.findall(r"<caption><span>In (\d+), of 40 people</span></caption>(.*?)</table>", text, re.DOTALL)
    assert [year for year, _ in tables] == ["2026", "2031"]
    for _, table in tables:
        rows = re.findall(r'<th scope="row"[^>]*>([^<]*)</th><td>([^<]*)</td><td>([^<]*)</td>', table)
        assert len(rows) == LISTED
        assert rows[0] == ("Occupation 0", "20.0", "10 to 30")
        assert rows[-1] == ("Occupation 14", "6.0", "3 to 16")


def test_a_single_year_has_no_way_between_years(tmp_path: Path) -> None:
    page = written(tmp_path, futures(YEARS[:1]))
    assert Page(page).headings[1:4] == ["Year by year", "How sure that is", "Occupations"]
    assert "Of 40 people, 32 are expected to be at work in 2026. The most frequent jobs are in sales" in page
    assert page.count("expected at work in 2026") == 1
    assert page.count("<caption><span>In 2026, of 40 people") == 1


def test_without_states_everybody_is_at_work(tmp_path: Path) -> None:
    jobs = groups().filter(pl.col("title") != STATE_GROUP)
    page = written(tmp_path, futures(groups=jobs))
    assert "40 are expected to be at work in 2026 and 40 in 2031" in page
    assert "expected at work in 2026; 40 to 40 in 90\N{NO-BREAK SPACE}% of futures" in page
    assert people_lines(jobs, 0.9)[0].startswith("2026: of 40 people 40 at work (40 to 40 in 90 % of futures)")


def test_what_is_given_is_text(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    page = written(tmp_path, futures(facts={hostile: hostile}), title=hostile)
    assert "script" not in Page(page).seen
    assert page.count("&lt;script&gt;") == 4  # the title twice, a fact and its name


def test_a_level_is_said_without_zeros_that_say_nothing(tmp_path: Path) -> None:
    page = written(tmp_path, futures(level=0.995))
    assert "the band holds 99.5\N{NO-BREAK SPACE}% of futures" in page
    assert "in 50 % of futures" in people_lines(groups(), 0.5)[0]


def test_less_than_half_a_person_of_a_hundred_is_not_nobody() -> None:
    """0.1 of forty people are 0.25 of a hundred; 0.4 of forty are one of a hundred."""
    first, _, last = people_lines(groups(), 0.9)
    assert "51 sales, 29 production, 20 not employed, less than 1 farming <& forestry>" in first
    assert "39 sales, 20 not employed, 1 farming" in last


def test_groups_of_people_are_named_and_everybody_is_not() -> None:
    lines = people_lines(pl.concat([groups(), groups(group="women")]), 0.9)
    assert [line.split(":")[0] for line in lines[::3]] == ["2026", "women, 2026"]


def test_a_page_in_no_folder_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no folder"):
        write_people_page(tmp_path / "none" / "people.html", futures())
