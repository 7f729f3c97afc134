"""The verb that evaluates fitted models on workers who were held out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from laborllm.cli.naming import paths_by_name
from laborllm.cli.options import SCORED_SO, AsJson, PanelFile, ScoredSo, Seed, Split
from laborllm.cli.places import TO_FILE, TO_TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from laborllm.evaluation import Evaluation
    from laborllm.models.contract import Forecaster
    from laborllm.panel import Panel


def evaluate(
    runs: list[str],
    panel: PanelFile,
    /,
    *,
    out: Annotated[Path | None, TO_FILE] = None,
    tables: Annotated[Path | None, TO_TABLES] = None,
    split: Split = "test",
    workers: int | None = None,
    likelihood_only: bool = False,
    scoring: ScoredSo = SCORED_SO,
    by: tuple[str, ...] = ("transition", "origin", "destination"),
    weights: str = "none",
    cluster: str = "worker",
    strata: str | None = None,
    metrics: tuple[str, ...] | None = None,
    reference: str | None = None,
    all_pairs: bool = False,
    draws: int = 1000,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Put fitted models side by side on the same held-out workers, with intervals that resample workers.

    Example: `laborllm evaluate runs/transition base=runs/career nlswork.parquet --by gender --tables tables`

    Args:
        runs: Run folders, and files of forecasts; the tables call each by the name of its folder or file, or by NAME
            where NAME=RUN is given.
        out: HTML report to write; without it the tables are printed only.
        tables: Folder of tables to write, for a paper: LaTeX, CSV and Stata files.
        split: Whose careers to evaluate on.
        workers: Evaluate on this many of them, drawn at random.
        likelihood_only: Score only the observed occupations: quicker, and gives only raw perplexity.
        by: Groups to evaluate by: transition, history (records seen), decade, origin, destination, any column of the
            panel, and crossings such as gender*education.
        weights: Weight records: none; sampling, by the panel's sampling weights; or by a column.
        cluster: Column whose values are drawn together, such as a household.
        strata: Column within whose values clusters are drawn.
        metrics: Only these metrics, such as perplexity, brier or auc_change; else all.
        reference: Model that the others are compared with; else the first.
        all_pairs: Compare every model with every other.
        draws: How often clusters are drawn.
    """
    from laborllm.cli.data.unknown import report_unknown
    from laborllm.evaluation import evaluate as measure
    from laborllm.models.registry import load_forecaster
    from laborllm.models.scored import WithScoring
    from laborllm.panel.files.store import PanelFile

    careers, paths = PanelFile.open(panel), paths_by_name(runs)
    as_fitted = {name: load_forecaster(path, held_out_by=careers) for name, path in paths.items()}
    models: dict[str, Forecaster] = {name: WithScoring(model, scoring.options) for name, model in as_fitted.items()}
    found = measure(
        models,
        panel,
        split=split,
        workers=workers,
        by=by,
        weights=weights,
        cluster=cluster,
        strata=strata,
        metrics=["raw_perplexity"] if likelihood_only else metrics,
        reference=reference,
        pairs="all" if all_pairs else "reference",
        draws=draws,
        seed=seed,
    )
    report_unknown(as_fitted, careers.select(split, workers, seed=seed))
    if out is not None:
        forecasters = [] if likelihood_only else [name for name in found.ranking if not paths[name].is_file()]
        whole = {name: models[name] for name in forecasters}  # a file forecasts no one else
        _write_report(out, found, whole, panel, split, workers)
    _show(found, tables, json=json)


def _write_report(
    out: Path, found: "Evaluation", models: "Mapping[str, Forecaster]", panel: Path, split: str, workers: int | None
) -> None:
    """Write what was found, with invented careers that some models forecast as examples."""
    from laborllm import api
    from laborllm.report.examples import example_section
    from laborllm.report.pages.evaluation import write_report

    careers = api.read_panel(panel)
    title = f"Forecasts of the next occupation, {careers.dataset}"
    examples = example_section(models, careers) if models else None
    write_report(out, found, title=title, facts=facts(careers, split, workers), examples=examples)
    print(f"{out}: the report", file=sys.stderr)


def _show(found: "Evaluation", tables: Path | None, *, json: bool) -> None:
    """Write the tables into a folder, if there is to be one, and print them."""
    from laborllm.report.paper import write_tables
    from laborllm.report.terminal import show

    if tables is not None:
        write_tables(tables, found)
        print(f"{tables}: the tables, as LaTeX, CSV and Stata files", file=sys.stderr)
    if json:
        print(found.to_json())
    else:
        show(found)


def facts(panel: "Panel", split: str, workers: int | None = None) -> dict[str, str]:
    """What a report says of the panel and of who was evaluated.

    Args:
        panel: The careers.
        split: Whose careers.
        workers: How many of them, drawn at random; None: all.

    Returns:
        Name of each fact -> its text.
    """
    from laborllm.panel.tally import shown_size

    drawn = "all" if workers is None else f"{workers:,} drawn at random"
    return {
        "Panel": f"{panel.dataset}: {shown_size(panel)}, from {panel.provenance.source}",
        "Taxonomy": f"{panel.taxonomy.name}, {len(panel.taxonomy)} occupations",
        "Evaluated on": f"workers of split {split}: {drawn}",
        "Fingerprint": panel.fingerprint,
    }
