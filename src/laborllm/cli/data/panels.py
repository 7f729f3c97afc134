"""Verbs that look into a panel, and that make one of several."""

import sys
from itertools import groupby, islice
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from laborllm.cli.options import TEMPLATE, AsJson, PanelFile, PanelOut, Seed, Written


def describe(
    panel: PanelFile,
    /,
    *,
    out: Annotated[Path | None, Parameter(help="HTML page to write as well, with figures and their numbers.")] = None,
    json: AsJson = False,
) -> None:
    """Show what a panel holds: workers, years, stay rate, states, occupations, covariates, and what was left out.

    Example: `laborllm describe nlswork.parquet --out nlswork.html`
    """
    from laborllm.panel.files.store import PanelFile
    from laborllm.panel.summary import summarise
    from laborllm.report.describe import as_json, as_text
    from laborllm.report.pages.panel import write_description

    careers = PanelFile.open(panel)
    summary = summarise(careers) if out is None else write_description(out, careers)
    if out is not None:
        print(f"{out}: the page", file=sys.stderr)
    print(as_json(summary) if json else as_text(summary))


def render(
    panel: PanelFile,
    /,
    *,
    worker_number: Annotated[int, Parameter(help="The first worker to show; 1 is the panel's first.")] = 1,
    count: Annotated[int, Parameter(help="How many workers to show.")] = 1,
    template: Written = TEMPLATE,
) -> None:
    """Print careers as the language model reads them. They are real people's: keep them on your own screen.

    Example: `laborllm render nlswork.parquet --count 2`
    """
    from laborllm.errors import PanelError
    from laborllm.panel import Panel
    from laborllm.text import render

    loaded = Panel.load(panel)
    if not 1 <= worker_number <= loaded.workers:
        raise PanelError(f"--worker-number is {worker_number}, and the panel's workers are 1 to {loaded.workers}")
    if count < 1:
        raise PanelError(f"--count is {count}: it must be at least 1")
    careers = groupby(render(loaded, template), key=lambda career: career.worker)
    shown = islice(careers, worker_number - 1, worker_number - 1 + count)
    print(*(career.text for _, texts in shown for career in texts), sep="\n\n")


def mix(
    panel: PanelFile,
    /,
    *,
    add: Annotated[
        list[str], Parameter(help="Panel whose training workers are added, as FILE, or FILE=SHARE for a part of them.")
    ],
    draw: Annotated[
        Literal["alike", "weight", "target"],
        Parameter(help="Who is added: all alike, by sampling weight, or those whose covariates the first panel has."),
    ] = "alike",
    out: PanelOut,
    seed: Seed = 0,
) -> None:
    """Add training workers of other panels to one: its validation and test workers stay what they are.

    Panels may differ in the states that they tell apart: unemployed and not in labor force become not working where one
    of the panels has only that.

    Example: `laborllm mix nlsy97.parquet --add nlsy79.parquet=0.5 --out pooled.parquet`
    """
    from laborllm.panel import Addition, Panel, mix
    from laborllm.panel.pooling import pooling_notes

    additions = []
    for item in add:
        file, _, share = item.partition("=")
        additions.append(Addition(Panel.load(Path(file)), _share(share, item), draw))
    mixed = mix(Panel.load(panel), additions, seed=seed)
    mixed.save(out)
    print(f"{out}: {len(mixed):,} records of {mixed.workers:,} workers", file=sys.stderr)
    for what, note in pooling_notes(mixed).items():
        print(f"{what}: {note}", file=sys.stderr)


def _share(text: str, item: str) -> float:
    from laborllm.errors import PanelError

    try:
        return float(text or 1)
    except ValueError:
        raise PanelError(f"--add {item}: {text!r} is not a share; write FILE or FILE=0.5") from None
