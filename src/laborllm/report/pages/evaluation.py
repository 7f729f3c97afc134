"""An evaluation as one HTML page."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from laborllm.evaluation import Evaluation
from laborllm.privacy import SMALLEST_CELL
from laborllm.privacy.outputs import new_output
from laborllm.report.findings import headline
from laborllm.report.numbers import count, interval, number
from laborllm.report.page import KeyNumber, Page, Section, render_page
from laborllm.report.pages.outputs import output_of_table, outputs_of_evaluation
from laborllm.report.sections import sections_of


def write_report(
    path: Path,
    evaluation: Evaluation,
    *,
    title: str,
    facts: Mapping[str, str],
    notes: Sequence[str] = (),
    examples: Section | None = None,
    sections: Sequence[Section] = (),
) -> None:
    """Write an evaluation as a self-contained page; next to it, `disclosure.json` says what was checked.

    Args:
        path: HTML file to write.
        evaluation: What was found.
        title: Of the page.
        facts: What the data are, name to text.
        notes: Remarks of one paragraph each.
        examples: What the models say of invented careers (see `examples`), second on the page.
        sections: More of them, such as a learning curve, after those of the evaluation.

    Raises:
        StorageError: `path` cannot be written.
    """
    found = sections_of(evaluation)
    shown = [*found[:1], *([examples] if examples else []), *found[1:], *sections]
    more = [output_of_table(table.title, table) for section in sections for table in section.tables]
    with new_output(
        path, [*outputs_of_evaluation(evaluation), *more]
    ) as file:  # first, so that a path that cannot be written costs no drawing
        page = Page(
            title=title,
            headline=headline(evaluation),
            key_numbers=_key_numbers(evaluation),
            sections=shown,
            facts=facts,
            notes=notes,
        )
        text = render_page(page, "report.html.j2", evaluation=evaluation, fewest_workers=SMALLEST_CELL)
        file.write_text(text, encoding="utf-8")


def _key_numbers(evaluation: Evaluation) -> list[KeyNumber]:
    """The best model's perplexity, over all records and over moves, and how much stands behind it."""
    best = evaluation.ranking[0]
    measure = evaluation.measure_of(best)
    overall, moves = evaluation.row(best, measure), evaluation.row(best, measure, "transition", "move")
    known = [KeyNumber(number(overall["estimate"]), f"perplexity of {best}", interval(overall["low"], overall["high"]))]
    if moves["estimate"] is not None:
        within = interval(moves["low"], moves["high"])
        known.append(KeyNumber(number(moves["estimate"]), f"perplexity of {best} when workers move", within))
    workers, records = (overall[name] for name in ("workers", "records"))
    return [
        *known,
        KeyNumber(count(None if workers is None else int(workers)), "workers evaluated"),
        KeyNumber(count(None if records is None else int(records)), "records forecast"),
    ]
