"""What every page is made of, and how it becomes one HTML file: no scripts, nothing fetched, no record of a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from laborllm.report.figures import Chart, to_svg
from laborllm.report.table import Table


@dataclass(frozen=True)
class KeyNumber:
    """A number to remember and what it is.

    Attributes:
        value: The number as the page shows it.
        label: What it is.
        within: Its 95 % interval as the page shows it; "" for none.
    """

    value: str
    label: str
    within: str = ""


@dataclass(frozen=True)
class Figure:
    """A chart and the numbers that it draws.

    Attributes:
        chart: The chart.
        table: The numbers.
        caption: What the chart shows, in plain words.
        narrow: The chart for a narrow screen, such as a phone's; None: the chart serves there too.
    """

    chart: Chart
    table: Table
    caption: str
    narrow: Chart | None = None


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        title: Its heading.
        words: Its paragraphs, with an empty line between them.
        figures: Figures below the words.
        tables: Tables below the figures.
    """

    title: str
    words: str
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Page:
    """What every page has.

    Attributes:
        title: Its title.
        headline: What was found, in a sentence.
        key_numbers: A few numbers to remember, at the top.
        sections: The parts of the page, in order.
        facts: What the data are, name to text.
        notes: Remarks of one paragraph each.
    """

    title: str
    headline: str
    key_numbers: Sequence[KeyNumber]
    sections: Sequence[Section]
    facts: Mapping[str, str]
    notes: Sequence[str] = ()


def render_page(page: Page, template: str, **more: object) -> str:
    """Lay a page out as HTML.

    Args:
        page: What every page has.
        template: Name of the template.
        more: What this template has beyond that.

    Returns:
        The HTML.
    """
    return _template(template).render(page=page, **more)


def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("laborllm.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["table"] = lambda table: Markup(table.to_html())  # which escapes its text
    environment.filters["svg"] = lambda chart, name: Markup(to_svg(chart, name))
    return environment.get_template(name)
