"""One self-contained HTML file: no scripts, nothing fetched, no record of any person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from laborllm.report.figures import Chart, to_svg
from laborllm.report.table import Table


@dataclass(frozen=True)
class KeyNumber:
    """A number to remember and what it is."""

    value: str
    label: str
    within: str = ""


@dataclass(frozen=True)
class Figure:
    """A chart, the numbers it draws, what it shows in plain words, and the chart as a phone shows it."""

    chart: Chart
    table: Table
    caption: str
    narrow: Chart | None = None


@dataclass(frozen=True)
class Section:
    """A heading, words, paragraphs apart by an empty line, then figures and tables."""

    title: str
    words: str
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Page:
    """What every page has. facts: what the data are, name to text. notes: remarks of one paragraph each."""

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
