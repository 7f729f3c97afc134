"""Dates as people write them: a year, a part of one, a month or a day, in figures or with the name of a month.

What can be read in two ways is not read: 03/04/2014 is a day of March or of April, unless `order` says which.
"""

import calendar
import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

import polars as pl

from laborllm.sources.resumes.date_words import BEFORE, MONTHS, ONWARDS, OPEN_END, PARTS, RANGE, TIME, folded

DateOrder = Literal["day-first", "month-first"]

FIRST_YEAR, LAST_YEAR = 1900, 9999

YEAR, MONTH, DAY = r"(?P<year>\d{4})", r"(?P<month>\d{1,2})", r"(?P<day>\d{1,2})"
NAME = rf"(?P<name>{'|'.join(sorted(MONTHS, key=len, reverse=True))})\.?"
PART = rf"(?P<part>{'|'.join(map(re.escape, sorted(PARTS, key=len, reverse=True)))})(?: (?:term|semester))?"
LONG_OR_SHORT_YEAR = r"(?P<year>\d{4}|['\u2019]\d{2})"
GAP = r"(?:[\s,./-]|\b(?:of|de|del)\b)*"
NTH = r"(?:st|nd|rd|th|er|\u00ba)?"
FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        YEAR,
        rf"{YEAR}(?P<gap>[-/ ]){MONTH}(?:(?P=gap){DAY})?",  # 2014-05, 2014/05/31
        rf"{YEAR}\.\s?(?P<month>\d\d)(?:\.\s?{DAY})?",  # 2014.05; 2014.1 may be a number that was 2014.10
        r"(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)?",  # 201405, 20140531
        rf"{MONTH}(?:\s*[-/.]\s*|\s){YEAR}",  # 05/2014
        rf"{NAME}{GAP}{LONG_OR_SHORT_YEAR}",  # May 2014
        rf"{YEAR}{GAP}{NAME}",  # 2014 May
        rf"{DAY}{NTH}{GAP}{NAME}{GAP}{LONG_OR_SHORT_YEAR}",  # 1 May 2014, 01may2014
        rf"{NAME}{GAP}{DAY}{NTH}[\s,./-]+{LONG_OR_SHORT_YEAR}",  # May 1, 2014
        rf"{YEAR}{GAP}{NAME}{GAP}{DAY}",  # 2014 May 1
        rf"{YEAR}\s*m(?P<month>\d{{1,2}})",  # 2014m5, Stata's month
        rf"{YEAR}[\s/(-]*{PART}|{PART.replace('part', 'part_')}{GAP}{LONG_OR_SHORT_YEAR.replace('year', 'year_')}",
        r"(?P<part>[1-4]q|q[1-4] )(?P<year>\d\d)",  # 1Q14
        r"winter (?P<winter>\d{4})\s?[-/\u2013]\s?(?P<next>\d{4}|\d\d)",  # winter 2014/15
        rf"{YEAR}-?w(?P<week>\d\d)(?:-?(?P<weekday>[1-7]))?",  # 2014-W05, 2014-W05-3: ISO 8601
        r"(?:(?:calendar )?week|kw|w)\s?(?P<week>\d{1,2})(?:[\s,/-]|of)+(?P<year>\d{4})",  # week 5 of 2014
        rf"{DAY}([\s-]?){NAME}\2(?P<year>\d\d)",  # 31-May-14, 31MAY14: spreadsheets and SAS
        rf"{YEAR}\u5e74(?:{MONTH}\u6708(?:{DAY}\u65e5)?)?",  # with the signs of year, month and day
        r"(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>\d{4})",  # 31.5.2014: with points the day comes first
        r"(?P<one>\d{1,2})([-/])(?P<two>\d{1,2})\2(?P<year>\d{4})",  # 31/5/2014, 5/31/2014
    )
)
SHORT_YEAR = re.compile(r"(?P<one>\d{1,2})([-/])(?P<two>\d{1,2})\2(?P<year>\d{2})", re.ASCII)
"""5/31/14, which is read only where the order is given: 14 may be the day."""


class Period(NamedTuple):
    """The days that a written date stands for, both included."""

    first: date
    last: date


def read_dates(texts: pl.Series, order: DateOrder | None = None) -> tuple[pl.Series, pl.Series]:
    """The first and the last day of what each text says, two columns of dates; null where it is no date."""
    distinct = texts.drop_nulls().unique()
    periods = [read_date(text, order) for text in distinct]
    first = pl.Series([period and period.first for period in periods], dtype=pl.Date)
    last = pl.Series([period and period.last for period in periods], dtype=pl.Date)
    return (
        texts.replace_strict(distinct, first, default=None, return_dtype=pl.Date),
        texts.replace_strict(distinct, last, default=None, return_dtype=pl.Date),
    )


@lru_cache(maxsize=100_000)
def read_date(text: str, order: DateOrder | None = None) -> Period | None:
    """The period that a text names: "May 2014" names all of May, "summer 2014" June to August.

    Args:
        text: A date as people write it.
        order: What comes first in 03/04/2014, where both numbers may be a month.

    Returns:
        First and last day; None where the text is no date, or any of two.
    """
    said = BEFORE.sub("", TIME.sub("", folded(text).strip("()[].,;- ")))
    for form in FORMS if order is None else (*FORMS, SHORT_YEAR):
        if found := form.fullmatch(said):
            parts = {name: value for name, value in found.groupdict().items() if value}
            return _period(parts, order)
    return None


def is_open_end(text: str) -> bool:
    """Whether a text in place of an end says that there is none yet."""
    said = folded(text).strip("()[]*.,;: ")
    return OPEN_END.fullmatch(said) is not None


def both_ends(text: str) -> tuple[str, str] | None:
    """The beginning and the end that stand in one cell, as in "2014 - present"; None where it is no such cell."""
    said = folded(text).strip("()[],.;: ")
    if found := ONWARDS.fullmatch(said):
        return (found[1], "present") if read_date(found[1]) else None
    found = RANGE.fullmatch(said)
    if found is None or not read_date(found[1]):
        return None
    return (found[1], found[2]) if is_open_end(found[2]) or read_date(found[2]) else None


def _period(parts: dict[str, str], order: DateOrder | None) -> Period | None:
    """The period of year and quarter, month or day, as written; None for what is on no calendar."""
    if "winter" in parts:
        return _winter(int(parts["winter"]), parts["next"])
    year = _year(parts.get("year") or parts["year_"])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    if "week" in parts:
        return _week(year, int(parts["week"]), parts.get("weekday"))
    if part := parts.get("part") or parts.get("part_"):
        return _months(year, *PARTS[part.strip()])
    if "one" in parts:
        days = {_day(year, month, day) for month, day in _orders(int(parts["one"]), int(parts["two"]), order)} - {None}
        return days.pop() if len(days) == 1 else None
    if "name" in parts:
        parts["month"] = str(MONTHS[parts["name"]])
    if int(parts.get("day", 0)):  # 2014-05-00 is a day of May that nobody knows
        return _day(year, int(parts["month"]), int(parts["day"]))
    if int(parts.get("month", 0)):
        return _months(year, int(parts["month"]), int(parts["month"]))
    return _months(year, 1, 12)


def _orders(one: int, two: int, order: DateOrder | None) -> Iterator[tuple[int, int]]:
    """Month and day of two numbers, in the order that is right or in both."""
    if order != "day-first":
        yield one, two
    if order != "month-first":
        yield two, one


def _year(written: str) -> int:
    """Four figures, or two, perhaps after an apostrophe, which mean a year from 1950 to 2049."""
    if len(written) == len("2014"):
        return int(written)
    short = int(written[-2:])
    return short + (1900 if short >= 50 else 2000)


def _months(year: int, first: int, last: int) -> Period | None:
    if not 1 <= first <= last <= 12:
        return None
    return Period(date(year, first, 1), date(year, last, calendar.monthrange(year, last)[1]))


def _winter(year: int, following: str) -> Period | None:
    """December to February, if the second year written follows the first."""
    if int(following) not in (year + 1, (year + 1) % 100):
        return None
    return Period(date(year, 12, 1), date(year + 1, 3, 1) - timedelta(days=1))


def _week(year: int, week: int, weekday: str | None) -> Period | None:
    """A week as ISO 8601 counts them, from Monday on, or a day of it."""
    try:
        monday = date.fromisocalendar(year, week, 1)
    except ValueError:
        return None
    days = range(7) if weekday is None else [int(weekday) - 1]
    return Period(monday + timedelta(days=days[0]), monday + timedelta(days=days[-1]))


def _day(year: int, month: int, day: int) -> Period | None:
    try:
        return Period(date(year, month, day), date(year, month, day))
    except ValueError:
        return None
