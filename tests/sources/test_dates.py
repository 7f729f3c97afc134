"""Dates as people write them, and the jobs between them: each spelling one period, what could be two is none."""

import calendar
import os
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import SourceError
from laborllm.panel import Panel
from laborllm.sources import import_resumes
from laborllm.sources.resumes.dates import DateOrder, is_open_end, read_date, read_dates

DAY = st.dates(date(1950, 1, 1), date(2049, 12, 31))
MONTHS = [
    "{:%B %Y}",
    "{:%b %Y}",
    "{:%b. %Y}",
    "{:%B, %Y}",
    "{:%B-%Y}",
    "{:%Y %B}",
    "{:%b '%y}",
    "{:%B \u2019%y}",
    "{:%m/%Y}",
]
MONTHS += ["{:%m-%Y}", "{:%m.%Y}", "{0:%m} / {0:%Y}", "{:%Y-%m}", "{:%Y/%m}", "{:%Y.%m}", "{:%Y%m}", "{:%Ym%m}"]
DAYS = [
    "{:%Y-%m-%d}",
    "{:%Y/%m/%d}",
    "{:%Y.%m.%d}",
    "{:%Y%m%d}",
    "{:%d %B %Y}",
    "{:%d%b%Y}",
    "{:%d-%b-%Y}",
    "{:%d.%m.%Y}",
]
DAYS += ["{:%B %d, %Y}", "{:%b %dth %Y}", "{:%dst of %B, %Y}", "{:%Y-%m-%dT%H:%M:%SZ}", "{:%Y-%m-%d %H:%M:%S.000000}"]


@given(day=DAY, form=st.sampled_from(DAYS), change=st.sampled_from([str, str.upper, str.lower, " {} ".format]))
def test_a_day_however_it_is_written(day: date, form: str, change: object) -> None:
    assert read_date(change(form.format(day))) == (day, day)  # type: ignore[operator]


@given(day=DAY, form=st.sampled_from(MONTHS), change=st.sampled_from([str, str.upper, str.lower, "{}. ".format]))
def test_a_month_however_it_is_written(day: date, form: str, change: object) -> None:
    last = calendar.monthrange(day.year, day.month)[1]
    assert read_date(change(form.format(day))) == (day.replace(day=1), day.replace(day=last))  # type: ignore[operator]


@given(day=DAY, mark=st.sampled_from("/-"), order=st.sampled_from([None, "day-first", "month-first"]))
def test_two_numbers_are_read_where_only_one_reading_is_a_day(day: date, mark: str, order: DateOrder | None) -> None:
    day_first, month_first = f"{day:%d{mark}%m{mark}%Y}", f"{day:%m{mark}%d{mark}%Y}"
    certain = day.day > 12 or day.day == day.month
    for text, own in ((day_first, "day-first"), (month_first, "month-first")):
        if order == own or (certain and order is None) or day.day == day.month:
            assert read_date(text, order) == (day, day)
        elif order is None:
            assert read_date(text) is None


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2014", "2014-01-01", "2014-12-31"),
        ("Q2 2014", "2014-04-01", "2014-06-30"),
        ("2014q2", "2014-04-01", "2014-06-30"),
        ("Sept 2016", "2016-09-01", "2016-09-30"),
        ("9999-12-31", "9999-12-31", "9999-12-31"),
    ],
)
def test_other_periods(text: str, first: str, last: str) -> None:
    assert read_date(text) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "May",
        "14",
        "0001",
        "1899",
        "2014-13",
        "2004-02-30",
        "2014.1",
        "May 14",
        "14-May",
        "05/14",
        "Spring 2014",
        *["2014-2016", "May 12014", "٢٠١٤", "31/04/2014", "2014 or 2015", "Q5 2014"],
    ],
)
def test_what_is_no_date_or_could_be_two(text: str) -> None:
    assert read_date(text) is None


@given(texts=st.lists(st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["2014", "May 2014"])), max_size=6))
def test_columns_are_read_as_their_cells(texts: list[str | None]) -> None:
    first, last = read_dates(pl.Series(texts, dtype=pl.String))
    periods = [text and read_date(text) for text in texts]
    assert list(zip(first, last, strict=True)) == [tuple(period) if period else (None, None) for period in periods]


@pytest.mark.parametrize(
    "text", ["Present", "present.", "(current)", "NOW", "Till  date", "to date", "—", "0000-00-00"]
)
def test_an_open_end_in_words(text: str) -> None:
    assert is_open_end(text)


def imported(tmp_path: Path, rows: str, **options: object) -> Panel:
    path = tmp_path / "jobs.csv"
    path.write_text(f"worker,start,end,title\n{rows}")
    os.utime(path, (datetime(2020, 6, 1, tzinfo=UTC).timestamp(),) * 2)
    return import_resumes(path, **options)  # type: ignore[arg-type]


def years(panel: Panel, worker: str) -> list[int]:
    return panel.records.filter(pl.col("worker") == worker)["year"].to_list()


@pytest.mark.parametrize(
    "end", ["", "NA", "NaT", "present", "till date", "9999-12-31", "31.12.2999", "2091-05", "2021"]
)
def test_an_open_end_and_one_in_the_future_go_on_to_the_date_of_the_file(end: str, tmp_path: Path) -> None:
    panel = imported(tmp_path, f"1,2015-01,,Cashier\n2,2017,{end},Cashier\n")
    assert years(panel, "1") == [2015, 2016, 2017, 2018, 2019, 2020]
    assert years(panel, "2") == [2017, 2018, 2019, 2020]
    assert panel.provenance.left_out == {}


def test_as_of_and_open_end_are_as_told(tmp_path: Path) -> None:
    panel = imported(
        tmp_path, "1,2015,01/01/1900,Cashier\n2,2018,2019,Cashier\n", as_of="May 2018", open_ends=["01/01/1900"]
    )
    assert years(panel, "1") == [2015, 2016, 2017, 2018]
    assert years(panel, "2") == [2018]
    assert panel.provenance.notes["jobs without an end"] == "1, taken to continue to 2018-05-31, as given"
    assert panel.provenance.notes["ends in the future"] == "'2019' (1): taken to continue to 2018-05-31"


def test_a_start_in_the_future_is_left_out(tmp_path: Path) -> None:
    panel = imported(tmp_path, "1,2015,2016,Cashier\n2,2021-01,,Cashier\n2,2091,2092,Cashier\n")
    assert panel.provenance.left_out == {"start after 2020-06-01": 2}


def test_what_could_not_be_read_is_shown_with_counts(tmp_path: Path) -> None:
    rows = "1,2015,2016,Cashier\n2,soon,2016,Cashier\n2,soon,,Cashier\n2,2015,03/04/2016,Cashier\n"
    panel = imported(tmp_path, rows)
    assert panel.provenance.left_out == {"date unreadable": 3}
    assert panel.provenance.notes["dates unreadable"] == "'soon' (2), '03/04/2016' (1)"
    assert years(imported(tmp_path, rows, date_order="day-first"), "2") == [2015, 2016]
    with pytest.raises(SourceError, match=r"no row is left .*; dates unreadable: 'soon' \(1\)"):
        imported(tmp_path, "2,soon,2016,Cashier\n")
