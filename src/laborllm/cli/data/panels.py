"""Verbs that look into a panel, and that make one of several."""

import sys
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from laborllm.cli.options import TEMPLATE, AsJson, PanelFile, PanelOut, Seed, Written
from laborllm.cli.places import TO_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from laborllm.panel import Panel
    from laborllm.text import Template

PORTION = 16_384  # records of a panel that are read at a time


def describe(
    panel: PanelFile,
    /,
    *,
    out: Annotated[
        Path | None, Parameter(help="HTML page to write as well, with figures and their numbers."), TO_FILE
    ] = None,
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
    worker_number: int = 1,
    count: int = 1,
    template: Written = TEMPLATE,
) -> None:
    """Print careers as the language model reads them. They are real people's: keep them on your own screen.

    Example: `laborllm render nlswork.parquet --count 2`

    Args:
        worker_number: The first worker to show; 1 is the panel's first.
        count: How many workers to show.
    """
    from laborllm.errors import PanelError
    from laborllm.panel.files.store import PanelFile as File

    if count < 1:
        raise PanelError(f"--count is {count}: it must be at least 1")
    file = File.open(panel)
    texts = list(_texts(file.portions(PORTION), template, worker_number - 1, count)) if worker_number > 0 else []
    if not texts:
        workers = sum(part.workers for part in file.portions(PORTION))
        raise PanelError(f"--worker-number is {worker_number}, and the panel's workers are 1 to {workers}")
    print(*texts, sep="\n\n")


def _texts(portions: "Iterable[Panel]", template: "Template", first: int, count: int) -> "Iterator[str]":
    """The texts of some workers, reading the panel as far as the last of them."""
    from laborllm.text import render

    for part in portions:
        careers = groupby(render(part, template), key=lambda career: career.worker)
        for _, texts in islice(careers, max(first, 0), max(first + count, 0)):
            yield from (career.text for career in texts)
        first -= part.workers
        if first + count <= 0:
            return


def mix(
    panel: PanelFile,
    /,
    *,
    add: list[str],
    draw: Literal["alike", "weight", "target"] = "alike",
    out: PanelOut,
    seed: Seed = 0,
) -> None:
    """Add training workers of other panels to one: its validation and test workers stay what they are.

    Panels may differ in the states that they tell apart: unemployed and not in labor force become not working where one
    of the panels has only that.

    Example: `laborllm mix nlsy97.parquet --add nlsy79.parquet=0.5 --out pooled.parquet`

    Args:
        add: Panel whose training workers are added, as FILE, or FILE=SHARE for a part of them.
        draw: Who is added: all alike, by sampling weight, or those whose covariates the first panel has.
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
