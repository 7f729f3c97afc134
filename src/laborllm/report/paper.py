"""Tables for a paper: LaTeX for the text, and numbers as CSV and Stata files for further work."""

import re
from pathlib import Path

import polars as pl
import pyreadstat

from laborllm.evaluation import Evaluation
from laborllm.privacy import SMALLEST_CELL
from laborllm.privacy.outputs import FILE, record
from laborllm.privacy.spreadsheets import as_texts
from laborllm.report.pages.outputs import output_of_table, outputs_of_evaluation
from laborllm.report.table import Table
from laborllm.report.tables import (
    accuracy_table,
    area_table,
    calibration_table,
    comparison_table,
    group_table,
    groups_of,
    perplexity_table,
    sample_table,
)
from laborllm.storage import new_folder

LABELS = {
    "model": "Model",
    "reference": "Model compared with",
    "metric": "Metric",
    "comparison": "Difference or ratio",
    "group": "Group of records",
    "level": "Level of the group",
    "records": "Records",
    "workers": "Workers",
    "estimate": "Estimate",
    "standard_error": "Bootstrap standard error",
    "low": "Lower bound of the 95 % interval",
    "high": "Upper bound of the 95 % interval",
    "note": "Why a number is missing",
}


def write_tables(folder: Path, evaluation: Evaluation) -> None:
    """Write the tables of an evaluation to a new folder, or in the place of earlier ones that nobody has changed.

    Args:
        folder: It gets a .tex file per table (for the packages booktabs and amsmath), and estimates and comparisons as
            .csv and .dta with a row per number; `disclosure.json` says what was checked.
        evaluation: What they show.

    Raises:
        StorageError: The folder holds anything else, or cannot be written.
    """
    with new_folder(folder, editable=[FILE], kind="tables") as place:
        tables = paper_tables(evaluation)
        for name, table in tables.items():
            (place / f"{name}.tex").write_text(table.to_latex(), encoding="utf-8")
        for name, frame in (("estimates", evaluation.estimates), ("comparisons", evaluation.comparisons)):
            as_texts(frame).write_csv(place / f"{name}.csv")
            _write_stata(place / f"{name}.dta", frame)
        outputs = {output.name: output for output in outputs_of_evaluation(evaluation)}
        numbers = {
            f"{name}.{kind}": [outputs[name]] for name in ("estimates", "comparisons") for kind in ("csv", "dta")
        }
        record(place, {f"{name}.tex": [output_of_table(name, table)] for name, table in tables.items()} | numbers)


def paper_tables(evaluation: Evaluation) -> dict[str, Table]:
    """The tables by the name of their file."""
    groups = {f"by-{_slug(group)}": group_table(evaluation, group) for group in groups_of(evaluation)}
    found = {
        "perplexity": perplexity_table(evaluation),
        "comparisons": comparison_table(evaluation),
        "accuracy": accuracy_table(evaluation),
        "auc": area_table(evaluation),
        "calibration": calibration_table(evaluation),
        "sample": sample_table(evaluation),
        **groups,
    }
    note = _method(evaluation)
    return {name: table.with_note(note) for name, table in found.items() if table is not None}


def _method(evaluation: Evaluation) -> str:
    """How the numbers came about, for below a table."""
    drawn = evaluation.cluster if evaluation.strata is None else f"{evaluation.cluster} within {evaluation.strata}"
    weighted = "" if evaluation.weights == "none" else f" Weights: {evaluation.weights}."
    return (
        f"95 % intervals from {evaluation.draws:,} bootstrap draws by {drawn}, the same for every model.{weighted} "
        f"Cells of fewer than {SMALLEST_CELL} workers, and those that would give them away, are withheld."
    )


def _slug(group: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", group.lower()).strip("-")


def _write_stata(path: Path, frame: pl.DataFrame) -> None:
    """A Stata 14 file; missing numbers are Stata's, infinite ones too."""
    finite = pl.when(pl.col(pl.Float64).is_finite()).then(pl.col(pl.Float64))
    columns = frame.with_columns(finite, pl.col(pl.String).fill_null(""))
    pyreadstat.write_dta(columns, str(path), column_labels=[LABELS[name] for name in frame.columns], version=14)
