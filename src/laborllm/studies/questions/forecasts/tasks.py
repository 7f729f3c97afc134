"""Question 5: which tasks: change, where to, each state, labor force participation; and with what calibration."""

from collections.abc import Sequence

import polars as pl

from laborllm.evaluation import Evaluation
from laborllm.evaluation.metrics import Metric
from laborllm.evaluation.metrics.auc import Auc
from laborllm.evaluation.metrics.calibration_line import CalibrationLine
from laborllm.evaluation.metrics.events import Event
from laborllm.evaluation.metrics.kuiper import Kuiper
from laborllm.report.figures import areas
from laborllm.report.numbers import number, p_value
from laborllm.report.page import Figure
from laborllm.report.table import Table
from laborllm.studies.protocol.question import Answer, Question, Verdict, verdict
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.questions.common import figure, listed, with_interval
from laborllm.studies.questions.forecasts.events import WHERE, by_age_and_degree, events_of

PAPER = {"auc_change": 0.848, "auc_unemployed": 0.754}
RULE = "age and degree"  # a forecast from these alone, to set the others against


def _runs(study: Study) -> list[Scores]:
    return [study.scores(model, panel) for panel in study.panels for model in study.models]


def _answer(study: Study) -> Answer:
    tables, figures, found = {}, {}, {}
    for panel in study.panels:
        events = events_of(study.panel(panel).taxonomy)
        metrics: list[Metric] = [WHERE, *(Auc(event) for event in events)]
        best = study.best(panel)
        models = study.forecasts(panel) | {RULE: by_age_and_degree(study.panel(panel))}
        pairs = [(model, RULE) for model in study.models]
        evaluation = study.evaluate(panel, models, by=["transition"], metrics=["perplexity", *metrics], pairs=pairs)
        calibrated = study.evaluate(panel, {best: models[best]}, metrics=_calibration(events))
        tables[f"{panel}-areas"] = _areas(panel, evaluation, events)
        tables[f"{panel}-states"] = _states(panel, evaluation, best, events)
        tables[f"{panel}-calibration"] = _calibrations(panel, calibrated, best, events)
        figures[panel] = _figure(panel, evaluation, events)
        found[panel] = evaluation, best
    return Answer(_verdict(found), tables, figures)


def _calibration(events: Sequence[Event]) -> list[Metric]:
    lines: list[Metric] = [CalibrationLine(event, kind) for event in events for kind in ("slope", "intercept")]
    return [*lines, *(Kuiper(event, p) for event in events for p in (False, True))]


def _areas(panel: str, found: Evaluation, events: Sequence[Event]) -> Table:
    header = ("model", "where to, given a move", *(event.label for event in events))
    rows = []
    for model in found.ranking:
        where = found.row(model, WHERE.name, "transition", "move")["estimate"]
        cells = [found.row(model, f"auc_{event.name}") for event in events]
        rows.append((model, number(where), *(number(cell["estimate"], near_one=True) for cell in cells)))
    title = f"{panel}: perplexity of where to, given a move, and areas under the ROC curve"
    return Table(title, header, tuple(rows), f"{RULE}: frequencies by age and education only.")


def _states(panel: str, found: Evaluation, model: str, events: Sequence[Event]) -> Table:
    """Being in a state, and entering it: a model, the rule, and how far apart they are on the same draws."""
    rows = []
    for event in events:
        metric = f"auc_{event.name}"
        cells = [found.row(each, metric) for each in (model, RULE)]
        cells.append(found.compared(model, RULE, metric, "difference"))
        areas = [with_interval(cell["estimate"], cell["low"], cell["high"], near_one=True) for cell in cells]
        rows.append((event.label, *areas))
    header = ("event", model, RULE, "difference")
    note = f"Areas with 95 % intervals. {RULE}: frequencies by age and education only, which need no career."
    return Table(f"{panel}: what a career tells beyond age and degree", header, tuple(rows), note)


def _calibrations(panel: str, found: Evaluation, model: str, events: Sequence[Event]) -> Table:
    rows = []
    for event in events:
        slope, intercept = (found.row(model, f"calibration_{kind}_{event.name}") for kind in ("slope", "intercept"))
        error, p = (found.row(model, f"{kind}_{event.name}")["estimate"] for kind in ("kuiper", "kuiper_p"))
        lines = [with_interval(line["estimate"], line["low"], line["high"]) for line in (slope, intercept)]
        rows.append((event.label, *lines, number(error), p_value(p)))
    header = ("event", "slope (95 %)", "intercept (95 %)", "Kuiper", "p")
    note = "Perfect: slope 1, intercept 0. Kuiper: largest cumulative error; p: its chance were forecasts calibrated."
    return Table(f"{panel}: calibration of {model}", header, tuple(rows), note)


def _figure(panel: str, found: Evaluation, events: Sequence[Event]) -> Figure:
    labels = {f"auc_{event.name}": event.label for event in events}
    shown = found.estimates.filter(pl.col("metric").is_in(list(labels)), group="all")
    named = shown.with_columns(outcome=pl.col("metric").replace_strict(labels, return_dtype=pl.String))
    known = named.filter(pl.col("estimate").is_finite())
    return figure(areas, known, f"{panel}: areas under the ROC curve, with 95 % intervals. The line is guessing.")


def _verdict(found: dict[str, tuple[Evaluation, str]]) -> Verdict:
    reached, said = [], []
    for panel, (evaluation, best) in found.items():
        for metric, paper in PAPER.items():
            row = evaluation.row(best, metric)
            if row["estimate"] is not None and row["high"] is not None:
                reached.append(row["high"] >= paper)
                said.append(
                    f"{metric.removeprefix('auc_')} {number(row['estimate'], near_one=True)} on {panel} ({best})"
                )
    return verdict(all(reached) if reached else None, f"Areas: {listed(said)}." if said else "No area is known.")


QUESTION = Question(
    number=5,
    name="tasks",
    title="Which tasks, and can the probabilities be taken at their word?",
    claim="The area under the ROC curve is 0.754 for unemployment and 0.848 for a change of occupation, and tuned "
    "models are calibrated.",
    paper="0.754 unemployment, 0.848 change",
    rule="Of the network with the lowest validation perplexity: replicates if the 95 % interval of the area of a "
    "change reaches 0.848 on every panel, and that of being unemployed 0.754 wherever unemployment is known.",
    runs=_runs,
    answer=_answer,
)
