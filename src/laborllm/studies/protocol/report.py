"""What a study leaves to be read: one page, and each table and figure as files."""

import json
from collections.abc import Mapping
from pathlib import Path

from laborllm.panel.tally import shown_size
from laborllm.privacy.outputs import Output, new_output
from laborllm.privacy.spreadsheets import as_texts
from laborllm.report.figures import to_svg
from laborllm.report.numbers import number
from laborllm.report.page import KeyNumber, Page, Section, render_page
from laborllm.report.pages.outputs import output_of_table
from laborllm.report.table import Table
from laborllm.storage import make_folder
from laborllm.studies.protocol.question import Answer, Question
from laborllm.studies.protocol.study import Study

REPORT, ANSWERS, COSTS = "report.html", "answers.json", "runs.csv"

Answers = Mapping[Question, Answer]


def write_study(study: Study, answers: Answers) -> None:
    """Write `report.html`, `answers.json`, `runs.csv`, and the tables and figures of each question in folders, and in
    each folder `disclosure.json`, which says what was checked."""
    folder = study.cache.folder
    listed: list[Output] = []
    for question, answer in answers.items():
        for name, table in answer.tables.items():
            listed.append(checked := output_of_table(_stem(question, name), table))
            for ending, text in (("csv", table.to_csv()), ("tex", table.to_latex())):
                _write(folder / "tables" / f"{_stem(question, name)}.{ending}", text, checked)
        for name, figure in answer.figures.items():
            listed.append(checked := output_of_table(f"figure {_stem(question, name)}", figure.table))
            _write(folder / "figures" / f"{_stem(question, name)}.svg", to_svg(figure.chart, name), checked)
    found = [{"question": question.number, **vars(answer.verdict)} for question, answer in answers.items()]
    verdicts = Output("verdicts", [{"question": question.number, "status": "ok"} for question in answers])
    _write(folder / ANSWERS, json.dumps(found, indent=1), verdicts)
    _write(
        folder / COSTS,
        as_texts(study.cache.costs()).write_csv(),
        Output("costs of runs", said="no number about people"),
    )
    _write(folder / REPORT, _page(study, answers), verdicts, *listed)


def summary_table(answers: Answers) -> Table:
    """A row per question: what the paper found, and the verdict."""
    rows = tuple(
        (f"{question.number}. {question.title}", question.paper, f"{answer.verdict.holds}: {answer.verdict.why}")
        for question, answer in answers.items()
    )
    return Table(
        "The questions and their answers", ("question", "the paper", "verdict, and why"), rows, words=(0, 1, 2)
    )


def _page(study: Study, answers: Answers) -> str:
    verdicts = [answer.verdict.holds for answer in answers.values()]
    counts = {holds: verdicts.count(holds) for holds in dict.fromkeys(verdicts)}
    minutes = float(sum(study.cache.costs()["processor_minutes"]))
    page = Page(
        title=study.file.title,
        headline=f"Of the paper's claims, {', '.join(_verb(holds, count) for holds, count in counts.items())}.",
        key_numbers=[
            KeyNumber(str(len(answers)), "questions"),
            KeyNumber(f"{sum(study.panel(name).workers for name in study.panels):,}", "workers in all panels"),
            KeyNumber(number(minutes), "processor minutes"),
        ],
        sections=[_overview(answers), *(_section(question, answer) for question, answer in answers.items())],
        facts=_facts(study),
    )
    return render_page(page, "study.html.j2", size=study.size)


def _verb(holds: str, count: int) -> str:
    plural = {"replicates": "replicate", "does not replicate": "do not replicate", "left open": "are left open"}
    singular = {"left open": "is left open"}
    return f"{count} {singular.get(holds, holds) if count == 1 else plural[holds]}"


def _overview(answers: Answers) -> Section:
    words = "The rule of each verdict was written down before anything was computed; it stands with its question below."
    return Section("What was asked, and what came of it", words, tables=(summary_table(answers),))


def _section(question: Question, answer: Answer) -> Section:
    parts = [
        f"The paper: {question.claim}",
        f"Verdict: {answer.verdict.holds}. {answer.verdict.why}",
        f"The rule: {question.rule}",
        *answer.words,
    ]
    title = f"{question.number}. {question.title}"
    return Section(title, "\n\n".join(parts), tuple(answer.figures.values()), tuple(answer.tables.values()))


def _facts(study: Study) -> dict[str, str]:
    facts = {}
    for name in study.panels:
        panel = study.panel(name)
        size = f"{shown_size(panel)}, {panel.subset('test').workers:,} of them held out"
        facts[name] = f"{size}; split by {panel.split_by}; fingerprint {panel.fingerprint}"
    return facts


def _stem(question: Question, name: str) -> str:
    return f"{question.number:02}-{question.name}-{name}"


def _write(path: Path, text: str, *outputs: Output) -> None:
    make_folder(path.parent)
    with new_output(path, outputs) as file:
        file.write_text(text, encoding="utf-8")
