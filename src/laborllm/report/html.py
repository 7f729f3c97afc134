"""An evaluation as one HTML page."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from laborllm.evaluation import Evaluation
from laborllm.privacy import SMALLEST_CELL
from laborllm.report.findings import headline
from laborllm.report.numbers import count, interval, number
from laborllm.report.page import KeyNumber, Page, Section, render_page
from laborllm.report.sections import sections_of
from laborllm.report.tables import row_of
from laborllm.storage import new_file


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
        page = Page(
            title=title,
            headline=headline(evaluation),
            key_numbers=_key_numbers(evaluation),
            sections=[*sections_of(evaluation), *sections],
            facts=facts,
            notes=notes,
        )
        text = render_page(page, "report.html.j2", evaluation=evaluation, fewest_workers=SMALLEST_CELL)
        file.write_text(text, encoding="utf-8")


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
