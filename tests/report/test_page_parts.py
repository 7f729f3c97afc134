"""What every page is laid out of: headings, paragraphs, figures in two widths, tables, notes, facts."""

import re
from html import unescape

import altair as alt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from laborllm.report.figures.look import Chart, styled
from laborllm.report.page import Figure, KeyNumber, Page, Section, render_page
from laborllm.report.table import Table
from report.page import Page as Parsed
from report.page import assert_stands_alone

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=15).map(str.strip).filter(bool)
TABLE = Table("Numbers", ("", "people"), (("Cooks", "12"), ("Waiters & <others>", "3")))


def page(*sections: Section, **more: object) -> str:
    given: dict[str, object] = {
        "title": "A title",
        "headline": "A headline.",
        "key_numbers": [],
        "sections": sections,
        "facts": {},
    }
    return render_page(Page(**given | more), "page.html.j2")  # type: ignore[arg-type]


def chart(width: int) -> Chart:
    rows = pl.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]})
    return styled(alt.layer(alt.Chart(rows, width=width).mark_point().encode(x="x", y="y")))


def test_an_empty_page_is_a_page() -> None:
    text = page()
    assert Parsed(text).headings == ["A title"]
    assert '<p class="headline">A headline.</p>' in text
    assert "<section>" not in text
    assert_stands_alone(text)


def test_key_numbers_say_their_interval_where_they_have_one() -> None:
    text = page(key_numbers=[KeyNumber("7.1", "perplexity", "6.8 to 7.4"), KeyNumber("40", "people")])
    found = re.findall(r"<li><strong>(.*?)</strong> <span>(.*?)</span>(?: <small>95 %: (.*?)</small>)?</li>", text)
    assert found == [("7.1", "perplexity", "6.8 to 7.4"), ("40", "people", "")]


def test_an_empty_line_begins_a_paragraph() -> None:
    text = page(Section("One", "First.\n\nSecond,\nstill second."), Section("Two", "Third."))
    assert re.findall(r"<p>(.*?)</p>", text, re.DOTALL) == ["First.", "Second,\nstill second.", "Third."]
    assert Parsed(text).headings == ["A title", "One", "Two"]


def test_a_figure_has_a_form_for_a_phone_where_it_was_given_one() -> None:
    wide = Figure(chart(300), TABLE, "Both.", chart(120))
    only = Figure(chart(300), TABLE, "One.")
    text = page(Section("Figures", "Two of them.", (wide, only)))
    assert Parsed(text).seen.count("svg") == 3
    assert text.count('class="chart wide"') == text.count('class="chart narrow"') == 1
    assert text.count('class="chart"') == 1
    assert re.findall("<figcaption>(.*?)</figcaption>", text) == ["Both.", "One."]
    assert text.count("<summary>The numbers of this figure</summary>") == 2
    assert_stands_alone(text)


def test_tables_come_after_the_figures_of_their_section() -> None:
    text = page(
        Section("Both", "", (Figure(chart(200), TABLE, "Drawn."),), (TABLE,)), Section("Table", "", (), (TABLE,))
    )
    assert text.count("<table>") == 3
    assert text.index("<figcaption>") < text.index("<table>", text.index("</figure>"))
    assert "Waiters &amp; &lt;others&gt;" in text


def test_notes_and_facts_are_there_where_they_are_given() -> None:
    text = page(notes=["One.", "Two."], facts={"Panel": "INVENTED", "Model": "counts"})
    assert Parsed(text).headings == ["A title", "Notes", "The data"]
    assert re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text) == [("Panel", "INVENTED"), ("Model", "counts")]
    assert text.index("<p>One.</p>") < text.index("<p>Two.</p>")


@settings(max_examples=25)
@given(WORDS, WORDS, WORDS)
def test_any_words_come_back_as_they_were_given(title: str, words: str, fact: str) -> None:
    text = page(Section(title, words), headline=words, notes=[words], facts={fact: title})
    assert unescape(re.findall("<h2>(.*?)</h2>", text, re.DOTALL)[0]) == title
    assert unescape(re.findall('<p class="headline">(.*?)</p>', text, re.DOTALL)[0]) == words
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text, re.DOTALL)
    assert [(unescape(name), unescape(value)) for name, value in found] == [(fact, title)]
    Parsed(text)


def test_a_template_that_lacks_what_it_shows_is_an_error_and_no_gap() -> None:
    with pytest.raises(UndefinedError):
        render_page(Page("t", "h", [], [], {}), "report.html.j2")
