"""Question 8: two years ahead, directly and by way of every occupation of the year between."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from laborllm.evaluation.metrics.kuiper import cumulative_range, range_p_value
from laborllm.forecasting.simulation.two_years import two_years_ahead
from laborllm.panel import Panel
from laborllm.privacy import SMALLEST_CELL
from laborllm.report.figures import agreement
from laborllm.report.numbers import MISSING, count, number, p_value, signed
from laborllm.report.table import Table
from laborllm.studies.protocol.question import Answer, Question, verdict
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.questions.common import Numbers, figure, shown_cells

MODEL = "career"
PAPER = 0.93
BINS = 4  # to a factor of ten, in the figure


@dataclass(frozen=True)
class Pairs:
    """Workers with a record two years after another.

    Attributes:
        direct: Careers up to the earlier record, with an open record two years after it.
        chained: With an open record of the year between as well.
        observed: Column of what happened, (w,).
        last: Column of the earlier record, (w,).
    """

    direct: Panel
    chained: Panel
    observed: np.ndarray
    last: np.ndarray


def pairs_of(panel: Panel, workers: int | None) -> Pairs | None:
    """The last such pair of each test worker, of `workers` of them; None where nobody has one."""
    test = panel.draw("test", workers, seed=0).observed().records
    later = test.select("worker", pl.col("year") - 2, observed="occupation")
    ends = test.join(later, on=["worker", "year"]).group_by("worker").agg(pl.all().sort_by("year").last())
    if ends.is_empty():
        return None
    ends = ends.sort("worker")
    until = test.join(ends.select("worker", _until="year"), on="worker").filter(pl.col("year") <= pl.col("_until"))
    known = until.drop("_until")
    opened = [
        ends.drop("observed").with_columns(pl.col("year") + ahead, occupation=pl.lit(None, pl.String))
        for ahead in (1, 2)
    ]
    columns = [each.select(known.columns) for each in opened]
    return Pairs(
        panel.with_records(pl.concat([known, columns[1]])),
        panel.with_records(pl.concat([known, *columns])),
        panel.taxonomy.columns(ends["observed"]),
        panel.taxonomy.columns(ends["occupation"]),
    )


def _runs(study: Study) -> list[Scores]:
    return [study.scores(MODEL, panel) for panel in study.panels]


def _answer(study: Study) -> Answer:
    rows, figures, correlations = [], {}, {}
    for name in study.panels:
        pairs = pairs_of(study.panel(name), study.size.chained)
        if pairs is None or len(pairs.observed) < SMALLEST_CELL:
            continue
        model = study.cache.model(study.fit(MODEL, name))
        direct = np.exp(model.forecast(pairs.direct).only_open().log_prob.astype(np.float64))
        chained = two_years_ahead(model, pairs.chained)
        correlations[name] = float(np.corrcoef(direct.ravel(), chained.ravel())[0, 1])
        rows.append((name, _workers(study, name, pairs), *_row(pairs, direct, chained, correlations[name])))
        bins = binned(direct, chained)
        if bins.height > 1:  # one point shows no agreement
            figures[name] = figure(agreement, bins, f"{name}: mean probability of an occupation, direct and chained.")
    header = ("panel", "workers", "correlation", "total variation", "log score, direct", "chained less direct (s.e.)",
              "p of calibration, direct", "p, chained")  # fmt: skip
    note = "Log score in nats. Total variation: mean over workers. p: Kuiper, of a change of occupation in two years."
    table = Table(f"{MODEL}, two years ahead", header, tuple(rows), note)
    said = ", ".join(f"{number(value, near_one=True)} on {name}" for name, value in correlations.items())
    holds = all(value >= PAPER for value in correlations.values()) if correlations else None
    return Answer(
        verdict(holds, f"The correlation is {said or 'not known: too few workers have such records'}."),
        {"two-years": table},
        figures,
    )


def _workers(study: Study, name: str, pairs: Pairs) -> str:
    """How many workers there are, unless the others would follow from it, who are too few."""
    test = study.panel(name).draw("test", study.size.chained, seed=0).observed().records["worker"].unique().sort()
    has = test.is_in(pairs.direct.records["worker"].unique().implode()).to_numpy()
    return count(int(has.sum())) if shown_cells(test, [{"pair": has}]) else MISSING


def _row(pairs: Pairs, direct: Numbers, chained: Numbers, correlation: float) -> tuple[str, ...]:
    rows = np.arange(len(pairs.observed))
    loss, other = (-np.log(each[rows, pairs.observed]) for each in (direct, chained))
    variation = 0.5 * np.abs(direct - chained).sum(axis=1).mean()
    error = (other - loss).std(ddof=1) / np.sqrt(len(rows))
    moved = (pairs.observed != pairs.last).astype(float)
    calibrated = [
        range_p_value(*cumulative_range(1 - each[rows, pairs.last], moved, np.ones(len(rows))))
        for each in (direct, chained)
    ]
    difference = f"{signed(float((other - loss).mean()))} ({number(float(error))})"
    return (
        number(correlation, near_one=True),
        number(float(variation)),
        number(float(loss.mean())),
        difference,
        *map(p_value, calibrated),
    )


def binned(direct: Numbers, chained: Numbers) -> pl.DataFrame:
    """Means of both probabilities over bins of the direct one, equal on a logarithmic axis; of many workers each."""
    frame = pl.DataFrame({"direct": direct.ravel(), "chained": chained.ravel()})
    frame = frame.with_columns(worker=pl.Series(np.repeat(np.arange(len(direct)), direct.shape[1])))
    bins = frame.group_by((pl.col("direct").log10() * BINS).floor().alias("bin"), maintain_order=True)
    means = bins.agg(pl.col("direct", "chained").mean(), pl.col("worker").n_unique())
    return means.filter(pl.col("worker") >= SMALLEST_CELL).sort("bin").select("direct", "chained")


QUESTION = Question(
    number=8,
    name="two-years",
    title="Is a forecast of two years what two forecasts of one year make?",
    claim="Direct forecasts of several years and chained ones agree, with a correlation of 0.93.",
    paper="correlation 0.93",
    rule="Replicates if the correlation over all workers and occupations is 0.93 or more on every panel that has "
    "records two years apart.",
    runs=_runs,
    answer=_answer,
)
