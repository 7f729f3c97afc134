"""A career can be read back from its text, and prefixes move its places along: for any career."""

import re
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.occupations import Taxonomy, load_taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.text import CareerText, Template, after, in_context_prefix, render
from laborllm.text.in_context import END_OF_TITLES, TITLES
from laborllm.text.prompt_specification import prompt_specification
from laborllm.text.titles import Titles

OCCUPATIONS = [("1", "Cooks", "All"), ("2", "Cooks: pastry", "All"), ("3", "Clerks (2000)", "All")]
TAXONOMY = Taxonomy.from_occupations("invented", OCCUPATIONS).with_states(["unemployed"])
LINE = re.compile(r"(?P<year>\d{4})(?: \((?P<education>[^)]*)\))?: (?P<title>.*)")
HEADER = re.compile(
    r"<A worker from the OWN dataset>\n"
    r"The following information is available about the work history of an? "
    r"(?:(?P<gender>female|male) )?(?:(?P<ethnicity>white|asian|hispanic) )?US worker"
    r"(?: residing in the (?P<region>south|west) region)?\.\n"
    r"(?:The worker was born in (?P<birth_year>\d{4})\.\n)?"
    r"The worker has the following records of work experience, one entry per line, including "
    r"(?:year, education level, and the job title|year and the job title):\n"
)
Rows = list[dict[str, Any]]


@st.composite
def careers(draw: st.DrawFn) -> Rows:
    """The records of one worker, with anything missing that may be missing."""
    who = {
        "gender": draw(st.sampled_from(["female", "male", None])),
        "ethnicity": draw(st.sampled_from(["white", "asian", "hispanic", None])),
        "region": draw(st.sampled_from(["south", "west", None])),
        "birth_year": draw(st.none() | st.integers(1930, 1990)),
    }
    years = sorted(draw(st.sets(st.integers(1991, 2025), min_size=1, max_size=7)))
    education = st.sampled_from(["high school", "college", None])
    code = st.sampled_from(TAXONOMY.codes)
    return [
        {"worker": "w", "year": year, "occupation": draw(code), "education": draw(education), **who} for year in years
    ]


def panel_of(rows: Rows) -> Panel:
    types = {"education": pl.String, "gender": pl.String, "ethnicity": pl.String, "region": pl.String}
    frame = pl.DataFrame(rows, schema_overrides=types | {"birth_year": pl.Int64, "occupation": pl.String})
    return Panel(frame.with_columns(split=pl.lit("train")), TAXONOMY, "OWN", Provenance("invented"))


def text_of(rows: Rows, template: Template) -> CareerText:
    (career,) = render(panel_of(rows), template)
    return career


@pytest.mark.parametrize("titles", ["literal", "numeric", "abbreviated", "reworded", "shuffled"])
@given(rows=careers())
def test_a_career_is_read_back_from_its_text(titles: Titles, rows: Rows) -> None:
    template = Template(titles)
    code = dict(zip(template.title_texts(TAXONOMY), TAXONOMY.codes, strict=True))
    text = text_of(rows, template).text
    header = HEADER.match(text)
    assert header is not None, text
    *lines, end = text[header.end() :].split("\n")
    assert end == "<END OF DATA>"
    found = []
    for line in lines:
        record = LINE.fullmatch(line)
        assert record is not None, line
        found.append((int(record["year"]), record["education"], code[record["title"]]))
    assert found == [(row["year"], row["education"], row["occupation"]) for row in rows]
    first = rows[0]
    who = (header["gender"], header["ethnicity"], header["region"], header["birth_year"] and int(header["birth_year"]))
    assert who == tuple(first[name] for name in ("gender", "ethnicity", "region", "birth_year"))
    assert ("an " in header[0].split("history of ")[1][:3]) == (who[:2] in [(None, "asian")])


@given(rows=careers(), left_out=st.sets(st.sampled_from(["birth-year", "education", "ethnicity", "gender", "region"])))
def test_what_is_left_out_is_as_if_it_were_not_known(rows: Rows, left_out: set[str]) -> None:
    template = Template(leave_out=tuple(left_out))  # type: ignore[arg-type]
    names = {name.replace("-", "_") for name in left_out}
    assert template.columns_left_out == names
    unknown = [row | dict.fromkeys(names) for row in rows]
    assert text_of(rows, template) == text_of(unknown, Template())


def test_demographics_are_three_covariates() -> None:
    together, apart = Template(leave_out=("demographics",)), Template(leave_out=("region", "gender", "ethnicity"))
    assert together.columns_left_out == apart.columns_left_out == {"region", "gender", "ethnicity"}
    assert Template(leave_out=("region", "gender", "gender")) == Template(leave_out=("gender", "region"))


@given(rows=careers(), last=st.integers(1, 8))
def test_windows_forecast_each_record_once_from_at_most_so_many(rows: Rows, last: int) -> None:
    windows = list(render(panel_of(rows), Template(last_records=last)))
    whole = text_of(rows, Template())
    assert sum(len(window.prompt_ends) for window in windows) == len(rows)
    titles = [window.text[start:end] for window in windows for start, end in window.places[len(window.history) :]]
    assert titles == [whole.text[start:end] for start, end in whole.places]
    for window in windows[1:]:
        assert (len(window.history), len(window.prompt_ends)) == (last, 1)
    assert len(windows[0].prompt_ends) == min(last + 1, len(rows))
    assert [window.text.endswith("<END OF DATA>") for window in windows] == [False] * (len(windows) - 1) + [True]


@given(rows=careers(), titles=st.lists(st.sampled_from(TAXONOMY.titles), max_size=3), examples=st.integers(0, 2))
def test_a_prefix_moves_every_place(rows: Rows, titles: list[str], examples: int) -> None:
    for career in render(panel_of(rows), Template(last_records=2)):
        prefix = in_context_prefix(titles, [career.text] * examples)
        moved = after(prefix, career)
        assert moved.text == prefix + career.text
        for places in ("prompt_ends", "title_ends"):
            assert [at - len(prefix) for at in getattr(moved, places)] == list(getattr(career, places))
        texts = [[each.text[start:end] for start, end in each.places] for each in (career, moved)]
        assert texts[0] == texts[1]
        assert moved.worker == career.worker


def test_a_prefix_in_full() -> None:
    assert in_context_prefix([], []) == ""
    assert in_context_prefix(["Cooks", "Clerks"], []) == f"{TITLES}Cooks\nClerks\n{END_OF_TITLES}"
    assert in_context_prefix([], ["one<END OF DATA>", "two"]) == "one<END OF DATA>\ntwo\n"
    assert in_context_prefix(["Cooks"], ["one"]) == f"{TITLES}Cooks\n{END_OF_TITLES}one\n"


@given(rows=careers(), title=st.sampled_from(TAXONOMY.titles))
def test_an_open_record_that_is_closed_is_the_record_that_was(rows: Rows, title: str) -> None:
    code = TAXONOMY.codes[TAXONOMY.titles.index(title)]
    closed = text_of([*rows[:-1], rows[-1] | {"occupation": code}], Template())
    opened = text_of([*rows[:-1], rows[-1] | {"occupation": None}], Template())
    assert opened.is_open
    assert not closed.is_open
    assert opened.closed(title) == replace(closed, text=closed.text.removesuffix("<END OF DATA>"))


def test_a_dataset_of_the_record_comes_before_that_of_the_panel(panel: Panel) -> None:
    pooled = panel.with_records(panel.records.with_columns(dataset=pl.lit("OTHER")))
    assert next(render(panel, Template())).text.startswith("<A worker from the INVENTED dataset>\n")
    assert next(render(pooled, Template())).text.startswith("<A worker from the OTHER dataset>\n")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (Template(), "Titles are as the taxonomy has them;"),
        (Template("numeric"), "Titles are codes without meaning;"),
        (Template("abbreviated"), "Titles are abbreviated;"),
        (Template("reworded"), "Titles are reworded;"),
        (Template("shuffled"), "Titles are shuffled: each occupation has the title of another;"),
    ],
)
def test_a_specification_shows_the_text_that_is_written(template: Template, said: str) -> None:
    """Its example is an invented career as `render` writes it, in the first titles of the taxonomy."""
    taxonomy = load_taxonomy("nlswork")
    text = prompt_specification(template, taxonomy, "OWN")
    first, second = template.title_texts(taxonomy)[:2]
    assert f"1999 (high school): {first}\n2000 (college): {second}\n<END OF DATA>" in text
    assert "<A worker from the OWN dataset>\n" in text
    assert said in text
    assert "stand only the last" not in text


def test_a_specification_of_windows_and_of_one_occupation() -> None:
    text = prompt_specification(Template(last_records=3, leave_out=("education",)), load_taxonomy("nlswork"), "OWN")
    assert "Between the header and the line to be completed stand only the last 3 records." in text
    first, second = load_taxonomy("nlswork").titles[:2]
    assert f"\n1999: {first}\n2000: {second}\n" in text
    one = Taxonomy.from_occupations("one", [("1", "Cooks", "All")])
    assert prompt_specification(Template(), one, "OWN").count(": Cooks\n") == 2
