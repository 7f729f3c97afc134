"""What a study of baselines found: tables with a row per model, for its first seed, and how far the others lie."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from laborllm.evaluation import Evaluation
from laborllm.report.html import write_report
from laborllm.report.numbers import MISSING, count, interval, number
from laborllm.report.pages.evaluation import Section
from laborllm.report.table import Table
from laborllm.report.tables import KINDS, area_label
from laborllm.storage import new_file
from laborllm.studies.baselines import Study

FILES = ("perplexity", "auc", "fits")


def write_study(study: Study, folder: Path, *, title: str, facts: Mapping[str, str]) -> None:
    """Write `report.html`, `evaluation.json`, and each table as CSV and LaTeX.

    Args:
        study: What was found.
        folder: Where to.
        title: Of the report.
        facts: What the report says of its data.
    """
    tables = baseline_tables(study)
    section = Section("The models side by side", "One row per model: the fit with the first seed.", tables=tables)
    write_report(folder / "report.html", study.evaluation, title=title, facts=facts, sections=(section,))
    texts = {f"{name}.csv": table.to_csv() for name, table in zip(FILES, tables, strict=True)}
    texts |= {f"{name}.tex": table.to_latex() for name, table in zip(FILES, tables, strict=True)}
    for name, text in (texts | {"evaluation.json": study.evaluation.to_json()}).items():
        with new_file(folder / name) as file:
            file.write_text(text)


def baseline_tables(study: Study) -> tuple[Table, Table, Table]:
    """Perplexity, area under the ROC curve, and what each model took; the lowest perplexity first."""
    return _perplexities(study), _areas(study.evaluation), _costs(study)


def _perplexities(study: Study) -> Table:
    found, seeds = study.evaluation, max(Counter(study.runs["model"]).values())
    header: tuple[str, ...] = ("model", "perplexity (s.e.)", *KINDS, "ratio", "95 % interval")
    rows = [_perplexity_row(found, model) for model in found.ranking]
    if seeds > 1:
        header = (*header, f"{seeds} seeds")
        rows = [(*row, _over_seeds(study, row[0])) for row in rows]
    title = (
        f"Perplexity of the observed occupation, lower is better, and its ratio to the perplexity of {found.reference}"
    )
    return Table(title, header, tuple(rows))


def _perplexity_row(found: Evaluation, model: str) -> tuple[str, ...]:
    overall = found.row(model, "perplexity")
    ratio = found.compared(model, found.reference)
    return (
        model,
        f"{_close(overall['estimate'])} ({_close(overall['standard_error'])})",
        *(_close(found.row(model, "perplexity", "transition", kind)["estimate"]) for kind in KINDS),
        "1" if model == found.reference else number(ratio["estimate"], near_one=True),
        interval(ratio["low"], ratio["high"], near_one=True),
    )


def _over_seeds(study: Study, model: str) -> str:
    """The lowest and the highest perplexity that a model came to; nothing for one that no seed changes."""
    found = study.runs.filter(model=model)["perplexity"].drop_nulls()
    return f"{_close(min(found))} to {_close(max(found))}" if len(found) > 1 else ""


def _close(value: float | None) -> str:
    """A perplexity with two decimals up to a hundred: the best of the baselines lie close together."""
    return number(value) if value is None or value >= 100 else f"{value:.2f}"


def _areas(found: Evaluation) -> Table:
    areas = [name for name in found.estimates["metric"].unique(maintain_order=True) if name.startswith("auc_")]
    rows = tuple((model, *(_area(found, model, name) for name in areas)) for model in found.ranking)
    return Table("Area under the ROC curve; higher is better", ("model", *map(area_label, areas)), rows)


def _area(found: Evaluation, model: str, metric: str) -> str:
    return number(found.row(model, metric)["estimate"], near_one=True)


def _costs(study: Study) -> Table:
    header = ("model", "parameters", "processor minutes", "validation perplexity")
    rows = tuple((model, *_cost(_first(study, model))) for model in study.evaluation.ranking)
    return Table("What the fits took, and what they came to on split valid", header, rows)


def _first(study: Study, model: str) -> dict[str, float | None]:
    """The run of a model with the first seed."""
    return study.runs.filter(model=model).row(0, named=True)


def _cost(run: dict[str, float | None]) -> tuple[str, ...]:
    parameters, minutes = run["parameters"], run["processor_minutes"]
    return (
        MISSING if parameters is None else count(int(parameters)),
        number(minutes),
        _close(run["validation_perplexity"]),
    )
