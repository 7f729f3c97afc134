"""200 synthetic people among whom a few stand out, and everything that a command says of them, as an attacker reads it.

One has an occupation, a year and a year of birth that nobody else has, and a household of a kind of its own; three have
an education of their own; two are the men of a club of women; three have an open record.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import polars as pl

import laborllm as ll
from laborllm.panel import Panel, Provenance
from laborllm.privacy import SMALLEST_CELL

LONE, YEAR, BORN, HOME = "ada-of-the-light", 1931, 1907, "lighthouse"
SCHOOL = "zither school"
LOST = {"no year of birth": 3, "not a job": 41, "year unreadable": 8}
NOTES = {"codes not in taxonomy": "gongoozler (1 row)", "jobs without an end": "4, taken to continue"}
SECRETS = (LONE, str(YEAR), "1930s", str(BORN), HOME, SCHOOL, "gongoozler")
"""What is true of fewer than ten people; a year as a number of its own."""

BY = "transition origin destination gender education club home"
TYPICAL = "--people closed.parquet --tables steps"
COMMANDS = {
    "fit transition": [
        "fit transition panel.parquet --out counts",
        "fit transition panel.parquet --thinned --out thinned",
    ],
    "fit nemo": ["fit nemo panel.parquet --out nemo --epochs 1 --width 4"],
    "describe": ["describe panel.parquet --out describe.html --json"],
    "evaluate": [
        f"evaluate counts again=nemo panel.parquet --by {BY} --draws 40 --out evaluate.html --tables tables --json",
        "evaluate counts panel.parquet --split train --by club gender education home --draws 40 --json",
        "evaluate counts panel.parquet --split train --by club*gender --draws 40 --json",
        "evaluate counts panel.parquet --split train --by education*gender --draws 40 --json",
        "evaluate counts panel.parquet --by birth_year year decade home*gender --draws 40 --json",
    ],
    "backtest": [
        "backtest counts panel.parquet --origins 2007 2009 --horizon 2 --draws 10 --page backtest.html "
        "--out scores.csv --rates rates.csv"
    ],
    "group": [
        *(
            f"group counts closed.parquet --years 2031 --by {by} --draws 5 --out {by}.csv"
            for by in ("education", "home")
        ),
        "group counts closed.parquet --years 2031 2032 --by club --draws 5 --page group.html --chart group.svg",
    ],
    "audit": ["audit counts panel.parquet --draws 40 --extraction 20 --out audit.html --json"],
    "steps": [f"steps counts {{common}} {TYPICAL}", f"steps counts {{unique}} {TYPICAL}"],
    "curves": ["curves nemo --out curves.svg"],
    "validate": ["validate panel.parquet --base {base} --overflow truncate --careers 20 --out lm --json"],
    "mix": ["mix panel.parquet --add other.parquet=0.02 --out mixed.parquet"],
    "out-of-fold": ["out-of-fold counts panel.parquet --out folds.parquet --folds 2"],
    "forecast": ["forecast nemo closed.parquet --year 2031 --out next.parquet"],
    "simulate": ["simulate nemo closed.parquet --years 2031 --draws 2 --out years.parquet"],
    "what-if": ["what-if nemo closed.parquet --years 2031 --education college --draws 2 --out difference.parquet"],
    "serve": [],
}
"""What is typed, verb by verb."""

PEOPLE = r"workers?|people|persons?|records?|rows?|careers?|women|men"
SMALL = re.compile(rf"(?<![\d.,/-])([1-9]) (?:[a-z]+ ){{0,2}}(?:{PEOPLE})\b(?! whose record)")
PARAMETERS = {"1 record", "records: 5"}  # what an extraction is given, and is to complete, of each career
COUNTS = re.compile(rf"\b(?:{PEOPLE}|left out|members|others|open_records)\b", re.IGNORECASE)


def planted() -> Panel:
    """The panel; those that stand out are in split test, but for the men of the club, who are in split train."""
    drawn = ll.import_synthetic(workers=200)
    first = drawn.records.group_by("worker", maintain_order=True).first()
    tested = first.filter(split="test")
    men, women = (tested.filter(gender=each)["worker"].to_list() for each in ("male", "female"))
    pair = first.filter(split="train", gender="male")["worker"].to_list()[:2]
    lone, trio = women[0], women[1:4]
    rowing = first.filter(gender="female").head(40)["worker"].to_list()
    unused = next(code for code in drawn.taxonomy.codes if code not in drawn.records["occupation"])
    is_lone, is_trio = pl.col("worker") == lone, pl.col("worker").is_in(trio)
    last = pl.col("year") == pl.col("year").max().over("worker")
    records = drawn.records.with_columns(
        occupation=pl.when(is_lone & last).then(pl.lit(unused)).otherwise("occupation"),
        education=pl.when(is_trio).then(pl.lit(SCHOOL)).otherwise("education"),
        birth_year=pl.when(is_lone).then(BORN).otherwise("birth_year").cast(pl.Int16),
        club=pl.when(pl.col("worker").is_in(rowing + pair)).then(pl.lit("rowers")).otherwise(pl.lit("walkers")),
        home=pl.when(is_lone)
        .then(pl.lit(HOME))
        .when(pl.col("gender") == "male")
        .then(pl.lit("flat"))
        .otherwise(pl.lit("house")),
    )
    early = records.filter(is_lone).head(1).with_columns(year=pl.lit(YEAR, pl.Int16))
    last_of = records.filter(pl.col("worker").is_in(men[2:5])).group_by("worker", maintain_order=True).last()
    opened = last_of.select(records.columns).with_columns(
        occupation=pl.lit(None, pl.String), year=pl.lit(2023, pl.Int16)
    )
    named = pl.concat([records, early, opened]).with_columns(pl.col("worker").replace({lone: LONE}))
    provenance = Provenance("made up", rows_in=len(named) + sum(LOST.values()), left_out=LOST, notes=NOTES)
    return replace(drawn, records=named.sort("worker", "year"), provenance=provenance)


def unique_code(panel: Panel) -> str:
    """The code that one person has."""
    return str(panel.records.filter(pl.col("worker") == LONE)["occupation"][-1])


@dataclass(frozen=True)
class Said:
    """What a command said: by the name of the file, or of the stream, its text."""

    texts: dict[str, str]

    def secrets(self) -> set[tuple[str, str]]:
        """Where which secret stands."""
        words = {
            secret: re.compile(rf"(?<![\w.,]){re.escape(secret)}(?![\w]|[.,]\d)", re.IGNORECASE) for secret in SECRETS
        }
        return {
            (name, secret) for name, text in self.texts.items() for secret, word in words.items() if word.search(text)
        }

    def small_counts(self) -> set[tuple[str, str]]:
        """Numbers of people, records or rows from one to nine in a sentence, a column or a field, but expected ones."""
        found = set()
        for name, text in self.texts.items():
            if name.endswith((".html", ".md")) or "." not in name:
                found |= {(name, match[0]) for match in SMALL.finditer(_words(text))}
            found |= {(name, f"{field}: {value}") for field, value in _fields(name, text) if _is_small(field, value)}
        return {(name, match) for name, match in found if match not in PARAMETERS}


def _is_small(field: str, value: str) -> bool:
    number = value.replace(",", "").replace("\N{MINUS SIGN}", "-")
    if "expected" in field or not COUNTS.search(field.replace("_", " ")) or not re.fullmatch(r"-?\d+(\.0+)?", number):
        return False
    return 0 < abs(float(number)) < SMALLEST_CELL


def _words(text: str) -> str:
    """A page as it is read, or a text."""
    if not text.lstrip().startswith("<"):
        return text
    without = re.sub(r"<(style|script|svg)\b.*?</\1>", " ", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " | ", without))


def _fields(name: str, text: str) -> Iterator[tuple[str, str]]:
    """Each value with what it is called."""
    if name.endswith(".csv"):
        for row in csv.DictReader(io.StringIO(text)):
            yield from ((field, str(value)) for field, value in row.items())
    elif name.endswith(".html"):
        yield from _of_tables(text)
    elif text.lstrip().startswith("{"):
        yield from _of_json("", json.loads(text))


def _of_json(field: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _of_json(f"{field} {name}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _of_json(field, inner)
    else:
        yield field.rsplit(" ", 1)[-1] if not field.startswith(" row_counts") else "rows", str(value)


class _Tables(HTMLParser):
    """The cells of every table of a page, row by row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._in_cell = tag in ("td", "th")
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif self._in_cell:
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.tables[-1][-1][-1] += data


def tables_of(page: str) -> dict[tuple[str, ...], list[list[str]]]:
    """Rows by the header of their table."""
    return {tuple(rows[0]): rows[1:] for rows in _Tables(page).tables}


def _of_tables(page: str) -> Iterator[tuple[str, str]]:
    for header, rows in tables_of(page).items():
        for row in rows:
            yield from zip(header, row, strict=False)


def texts_of(folder: Path) -> dict[str, str]:
    """The text of every file below a folder that is one; a file of rows (.parquet) is as private as the panel."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and path.suffix in (".html", ".csv", ".json", ".md", ".tex", ".svg", ".txt"):
            found[name] = path.read_text("utf-8")
    return found
