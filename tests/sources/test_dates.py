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
from laborllm.sources import ResumeOptions, import_resumes
from laborllm.sources.resumes.dates import DateOrder, is_open_end, read_date, read_dates
from laborllm.sources.resumes.years import DateRules, years_of

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
        ("2Q 2014", "2014-04-01", "2014-06-30"),
        ("H2 2014", "2014-07-01", "2014-12-31"),
        ("Spring '14", "2014-03-01", "2014-05-31"),
        ("Fall 2014", "2014-09-01", "2014-11-30"),
        ("early 2014", "2014-01-01", "2014-04-30"),
        ("mid-2014", "2014-05-01", "2014-08-31"),
        ("Late 2014", "2014-09-01", "2014-12-31"),
        ("since 2014", "2014-01-01", "2014-12-31"),
        ("from May 2014", "2014-05-01", "2014-05-31"),
        ("ca. 2014", "2014-01-01", "2014-12-31"),
        ("~2014", "2014-01-01", "2014-12-31"),
        ("(2014)", "2014-01-01", "2014-12-31"),
        ("May 2014 -", "2014-05-01", "2014-05-31"),
        ("05 2014", "2014-05-01", "2014-05-31"),
        ("2014 05 31", "2014-05-31", "2014-05-31"),
        ("2014\u201105", "2014-05-01", "2014-05-31"),
        ("\uff12\uff10\uff11\uff14-05", "2014-05-01", "2014-05-31"),
        ("2014\u5e745\u670831\u65e5", "2014-05-31", "2014-05-31"),
        ("Monday, May 5, 2014", "2014-05-05", "2014-05-05"),
        ("Mon May 05 2014 00:00:00 GMT+0200", "2014-05-05", "2014-05-05"),
        ("20140501T000000Z", "2014-05-01", "2014-05-01"),
        ("2014-05-01T00:00:00+02:00", "2014-05-01", "2014-05-01"),
        ("2014-05-01+02:00", "2014-05-01", "2014-05-01"),
        ("Sept 2016", "2016-09-01", "2016-09-30"),
        ("2014-W05", "2014-01-27", "2014-02-02"),
        ("2014W053", "2014-01-29", "2014-01-29"),
        ("2020-W53", "2020-12-28", "2021-01-03"),
        ("week 1 of 2015", "2014-12-29", "2015-01-04"),
        ("KW 5/2014", "2014-01-27", "2014-02-02"),
        ("2014/Q3", "2014-07-01", "2014-09-30"),
        ("1Q14", "2014-01-01", "2014-03-31"),
        ("third quarter of 2014", "2014-07-01", "2014-09-30"),
        ("2. Quartal 2014", "2014-04-01", "2014-06-30"),
        ("1st half 2014", "2014-01-01", "2014-06-30"),
        ("2014 (spring)", "2014-03-01", "2014-05-31"),
        ("Fall semester 2014", "2014-09-01", "2014-11-30"),
        ("Winter 2014/15", "2014-12-01", "2015-02-28"),
        ("winter 2015-2016", "2015-12-01", "2016-02-29"),
        ("end of 2014", "2014-09-01", "2014-12-31"),
        ("31-May-14", "2014-05-31", "2014-05-31"),
        ("31MAY99", "1999-05-31", "1999-05-31"),
        ("2014-05-00", "2014-05-01", "2014-05-31"),
        ("2014-00-00", "2014-01-01", "2014-12-31"),
        ("01. 05. 2014", "2014-05-01", "2014-05-01"),
        ("maj 2014", "2014-05-01", "2014-05-31"),
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
        "Winter 2014",  # its first month is in another year than the others
        "2004\u201305",  # years, as the dash says
        "41640",  # a day count of Excel, Stata or SAS, which begin in different years
        *["2014-W54", "2014-W00", "winter 2014/16", "2014/15", "2014-15", "AY 2014-15", "2014-05-31/2016-01-01"],
        *["2014-2016", "May 12014", "٢٠١٤", "31/04/2014", "2014 or 2015", "Q5 2014"],
    ],
)
def test_what_is_no_date_or_could_be_two(text: str) -> None:
    assert read_date(text) is None


IN_ONE_CELL = {
    "2014 - present": range(2014, 2017),
    "2014-Present": range(2014, 2017),
    "2014 to date": range(2014, 2017),
    "May 2014 onwards": range(2014, 2017),
    "2014+": range(2014, 2017),
    "2014-2015": range(2014, 2016),
    "05/2014 \u2013 07/2015": range(2014, 2016),
    "May 2014 until June 2015": range(2014, 2016),
    "2016 - 2014": (),
    "2014 - soon": (),
}


def test_both_ends_may_stand_in_the_cell_of_the_start() -> None:
    jobs = pl.DataFrame({"start": list(IN_ONE_CELL)}).with_columns(
        *(pl.lit(None, pl.String).alias(name) for name in ("end", "education", "birth_year", "left_out")),
        worker="start",
        title=pl.lit("Cashier"),
    )
    years = years_of(jobs, DateRules(date(2016, 12, 31)))
    found = years.filter(pl.col("year").is_not_null()).group_by("worker").agg(pl.col("year").sort())
    assert dict(found.iter_rows()) == {text: [*years] for text, years in IN_ONE_CELL.items() if years}


@pytest.mark.parametrize(
    ("text", "month"),
    [
        *[
            ("M\u00e4rz 2014", 3),
            ("Ma\u0308rz 2014", 3),
            ("Dez. 2014", 12),
            ("seit Okt. 2014", 10),
            ("J\u00e4nner 2014", 1),
        ],
        *[("ao\u00fbt 2014", 8), ("D\u00c9CEMBRE 2014", 12), ("depuis f\u00e9vr. 2014", 2), ("juil. 2014", 7)],
        *[("enero de 2014", 1), ("dic. 2014", 12), ("mayo del 2014", 5), ("Septiembre 2014", 9)],
        *[("gennaio 2014", 1), ("lug 2014", 7), ("mar\u00e7o de 2014", 3), ("set/2014", 9), ("maart 2014", 3)],
    ],
)
def test_months_of_other_languages(text: str, month: int) -> None:
    assert read_date(text) == (date(2014, month, 1), date(2014, month, calendar.monthrange(2014, month)[1]))


@pytest.mark.parametrize("text", ["31. Mai 2014", "31 mai 2014", "31 de mayo de 2014", "31 maggio 2014"])
def test_days_of_other_languages(text: str) -> None:
    assert read_date(text) == (date(2014, 5, 31),) * 2


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("5/1/14", "month-first", date(2014, 5, 1)),
        ("5/1/14", "day-first", date(2014, 1, 5)),
        ("31-12-98", "day-first", date(1998, 12, 31)),
    ],
)
def test_years_of_two_figures_are_read_where_the_order_is_told(text: str, order: DateOrder, day: date) -> None:
    assert read_date(text, order) == (day, day)
    assert read_date(text) is None


@given(texts=st.lists(st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["2014", "May 2014"])), max_size=6))
def test_columns_are_read_as_their_cells(texts: list[str | None]) -> None:
    first, last = read_dates(pl.Series(texts, dtype=pl.String))
    periods = [text and read_date(text) for text in texts]
    assert list(zip(first, last, strict=True)) == [tuple(period) if period else (None, None) for period in periods]


@pytest.mark.parametrize(
    "text",
    [
        *["Present", "present.", "(current)", "NOW", "Till  date", "to date", "\u2014", "0000-00-00", "at present"],
        *["Still working", "currently employed", "Current role", "this day", "until today", "Aujourd\u2019hui"],
        *["\u00e0 ce jour", "en cours", "bis heute", "jetzt", "hasta la fecha", "in corso", "at\u00e9 o momento", "nu"],
    ],
)
def test_an_open_end_in_words(text: str) -> None:
    assert is_open_end(text)


@pytest.mark.parametrize("text", ["unknown", "?", "tbd", "2016", "retired", "never", "May"])
def test_an_end_that_is_not_open(text: str) -> None:
    assert not is_open_end(text)


def imported(tmp_path: Path, rows: str, **options: object) -> Panel:
    path = tmp_path / "jobs.csv"
    path.write_text(f"worker,start,end,title\n{rows}")
    os.utime(path, (datetime(2020, 6, 1, tzinfo=UTC).timestamp(),) * 2)
    return import_resumes(path, ResumeOptions(**options))  # type: ignore[arg-type]


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


def test_as_of_and_open_ends_are_as_given(tmp_path: Path) -> None:
    panel = imported(
        tmp_path, "1,2015,01/01/1900,Cashier\n2,2018,2019,Cashier\n", as_of="May 2018", open_ends=("01/01/1900",)
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
    with pytest.raises(SourceError, match=r"no row is left .*; dates unreadable$"):
        imported(tmp_path, "2,soon,2016,Cashier\n")
