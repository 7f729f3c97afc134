"""An evaluation as one HTML file that stands alone: no scripts, nothing fetched, no record of any person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from laborllm.evaluation import Evaluation
from laborllm.evaluation.sample import FEWEST_WORKERS
from laborllm.report.figures import to_svg
from laborllm.report.findings import headline
from laborllm.report.numbers import count, interval, number
from laborllm.report.sections import Section, sections_of
from laborllm.report.tables import row_of
from laborllm.storage import new_file


@dataclass(frozen=True)
class KeyNumber:
    """A number to remember and what it is."""

    value: str
    label: str
    within: str = ""


def write_report(
    path: Path,
    evaluation: Evaluation,
    *,
    title: str,
    facts: Mapping[str, str],
    notes: Sequence[str] = (),
    sections: Sequence[Section] = (),
) -> None:
    """Write the report to `path`.

    facts: what the data are, name to text. notes: remarks of one paragraph each. sections: more of them, such as a
    learning curve, after those of the evaluation. Raises `StorageError` if `path` cannot be written.
    """
    with new_file(path) as file:  # first, so that a path that cannot be written costs no drawing
        page = _template().render(
            title=title,
            headline=headline(evaluation),
            key_numbers=_key_numbers(evaluation),
            sections=[*sections_of(evaluation), *sections],
            facts=facts,
            notes=notes,
            evaluation=evaluation,
            fewest_workers=FEWEST_WORKERS,
        )
        file.write_text(page, encoding="utf-8")


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("laborllm.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["table"] = lambda table: Markup(table.to_html())  # which escapes its text
    environment.filters["svg"] = lambda figure, name: Markup(to_svg(figure.chart, name))
    return environment.get_template("report.html.j2")


def _key_numbers(evaluation: Evaluation) -> list[KeyNumber]:
    """The best model's perplexity, over all records and over moves, and how much stands behind it."""
    best = evaluation.ranking[0]
    measure = evaluation.measure_of(best)
    of_best = evaluation.perplexity.filter(pl.col("model") == best, pl.col("measure") == measure)
    overall, moves = row_of(of_best, kind="all"), row_of(of_best, kind="move")
    size = evaluation.sample.row(0, named=True)
    return [
        KeyNumber(number(overall["estimate"]), f"perplexity of {best}", interval(overall["low"], overall["high"])),
        KeyNumber(
            number(moves["estimate"]), f"perplexity of {best} when workers move", interval(moves["low"], moves["high"])
        ),
        KeyNumber(count(size["workers"]), "workers evaluated"),
        KeyNumber(count(size["records"]), "records forecast"),
    ]
