"""What pages and tables hold, for the list of outputs next to them: each table with the status of its cells."""

import polars as pl

from laborllm.evaluation import Evaluation
from laborllm.panel.summary import Summary
from laborllm.privacy import SMALLEST_CELL
from laborllm.privacy.outputs import Output, checked
from laborllm.report.numbers import MISSING
from laborllm.report.table import Table

KEYS = ["metric", "group", "level"]
ROW_NUMBERS = ("workers", "records", "share")
LEFT_OUT = "rows that are withheld are left out"


def outputs_of_evaluation(evaluation: Evaluation) -> list[Output]:
    """The tables of an evaluation; a figure draws rows of one of them."""
    estimates = evaluation.estimates.with_columns(pl.col("estimate").fill_null(_infinite("note")))
    weighted = "" if evaluation.weights == "none" else "weights pass the nk-rule and the p-ratio"
    pairs = evaluation.comparisons.with_columns(pl.col("estimate").fill_null(_infinite("note")))
    named = [*KEYS, "comparison"]
    return [
        checked("estimates", estimates, KEYS, "estimate", note="note", said=weighted),
        checked("comparisons", pairs, named, "estimate", note="note", said=weighted),
        checked("reliability", evaluation.reliability, ["event", "predicted"], said="bins of ten workers or more"),
        checked("flows", evaluation.flows, ["origin", "destination"], "workers", said=weighted),
    ]


def outputs_of_panel(summary: Summary, figures: dict[str, pl.DataFrame]) -> list[Output]:
    """The tables of the page of a panel. figures: the frames that it draws, whose withheld rows are left out."""
    counts = pl.DataFrame(summary.row_counts, schema=["what", "rows"], orient="row")
    both = pl.concat([summary.states, summary.occupations])
    keys = {name: [key for key in frame.columns if key not in ROW_NUMBERS] for name, frame in figures.items()}
    drawn = (checked(name, frame, keys[name], said=LEFT_OUT) for name, frame in figures.items())
    few = summary.workers < SMALLEST_CELL
    return [
        Output("size", refused=f"fewer than {SMALLEST_CELL} workers are behind it" if few else ""),
        checked("occupations and states", both, ["code"], left_out=summary.withheld),
        checked("covariates known", summary.covariates, ["covariate"], "known"),
        checked("own columns known", summary.columns, ["column"], "known"),
        checked("splits", summary.splits, ["split"], "workers"),
        checked("rows of the source", counts, ["what"], "rows"),
        *drawn,
    ]


def outputs_of_backtest(scores: pl.DataFrame, rates: pl.DataFrame, coverage: pl.DataFrame) -> list[Output]:
    """The tables of a backtest, see `laborllm.Backtest`.

    Args:
        scores: A row per horizon and metric.
        rates: A row per origin, horizon, age and group: people modelled and observed.
        coverage: A row per horizon and level: the share of intervals that hold what happened.
    """
    return [
        checked("scores", scores, ["horizon", "metric"], "estimate"),
        checked("rates", rates, ["origin", "horizon", "age", "group"], "people"),
        checked("coverage", coverage, ["horizon", "level"], said="counts of cells, not of workers"),
    ]


def output_of_table(name: str, table: Table) -> Output:
    """A table of text: a row with a dash is withheld, or could not be computed."""
    key = next(iter(table.header), "row") or "row"
    cells = [
        {key: row[0], "status": "withheld or not computed" if MISSING in row[1:] else "ok"} for row in table.rows if row
    ]
    return Output(name, cells)


def _infinite(note: str) -> pl.Expr:
    """A number for what is missing though nothing is withheld, as it is infinite or not defined."""
    return pl.when(~pl.col(note).str.contains("fewer than")).then(0.0)
