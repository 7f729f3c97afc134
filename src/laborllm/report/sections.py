"""The parts of a report on an evaluation: what is shown, and what is said of it."""

import polars as pl

from laborllm.evaluation import Evaluation
from laborllm.report import figures
from laborllm.report.page import Figure, Section
from laborllm.report.table import frame_table
from laborllm.report.tables import (
    about_table,
    accuracy_table,
    area_label,
    area_table,
    calibration_table,
    comparison_table,
    flow_table,
    group_label,
    group_table,
    groups_of,
    perplexity_table,
    sample_table,
)

TIMES = ("year", "decade")


def sections_of(evaluation: Evaluation) -> list[Section]:
    """Every section that has something to show."""
    found = [_perplexity(evaluation), _kinds(evaluation), _comparisons(evaluation)]
    found += [_group(evaluation, group) for group in groups_of(evaluation) if group != "transition"]
    found += [_flows(evaluation), _ranking(evaluation), _calibration(evaluation), _sample(evaluation)]
    return [section for section in found if section.figures or section.tables]


def _perplexity(evaluation: Evaluation) -> Section:
    caption = "Perplexity over all records: a dot for each model, a bar for its 95 % interval. Further left is better."
    return Section(
        "How well each model forecasts",
        "A perplexity of 8 means that the model was as unsure of what came next as if it had to choose among 8 equally "
        "probable occupations. A forecast that is always certain and always right has a perplexity of 1.",
        _figures(figures.perplexity_by_model, _metric(evaluation, "perplexity", "all"), caption),
        tuple(table for table in (perplexity_table(evaluation), about_table(evaluation)) if table),
    )


def _kinds(evaluation: Evaluation) -> Section:
    caption = "Perplexity by kind of record. The panels have axes of their own: moves are far harder than stays."
    return Section(
        "Beginnings, stays and moves",
        "The first record of a career has no past to go by. After it a worker stays in the occupation of the record "
        "before, or moves. A model can look good overall by betting on stays: the panel of moves tells.",
        _figures(figures.perplexity_by_level, _metric(evaluation, "perplexity", "transition"), caption),
    )


def _comparisons(evaluation: Evaluation) -> Section:
    table, reference = comparison_table(evaluation), evaluation.reference
    shown = evaluation.comparisons.filter(
        pl.col("group").is_in(["all", "transition"]), metric="perplexity", comparison="ratio", reference=reference
    )
    caption = (
        f"Perplexity of each model over the perplexity of {reference} (the dashed line). Left of the line is better; a "
        "bar that crosses it leaves open which of the two forecasts better."
    )
    return Section(
        f"Against {reference}",
        "Both models of a comparison see the same draws of workers, so what is hard to forecast for both cancels out: "
        "these intervals tell models apart that overlap in the figures above.",
        _figures(figures.ratio_to_reference, _ranked(evaluation, shown), caption),
        (table,) if table else (),
    )


def _group(evaluation: Evaluation, group: str) -> Section:
    metrics = ("perplexity", "top_1") if group in ("origin", "destination") else ("perplexity",)
    tables = [group_table(evaluation, group, metric) for metric in metrics]
    label = group_label(group)
    draw = figures.perplexity_over_time if group in TIMES else figures.perplexity_by_group
    caption = f"Perplexity by {label}: a bar for the 95 % interval. Lower is better."
    return Section(
        f"By {label}",
        "Groups differ in how hard they are to forecast, so compare models within a group, not groups.",
        _figures(draw, _metric(evaluation, "perplexity", group), caption),
        tuple(table for table in tables if table),
    )


def _flows(evaluation: Evaluation) -> Section:
    models = [model for model in evaluation.ranking if model in evaluation.flows["model"]]
    tables = [flow_table(evaluation, model) for model in models[:1]]
    shown = _ranked(evaluation, evaluation.flows).filter(pl.col("observed") > 0, pl.col("expected") > 0)
    caption = (
        "Each dot is a flow from one group of occupations to another, or within one: how many records took it, and how "
        "many the model expected. On the dashed line the two agree."
    )
    return Section(
        "Flows between groups of occupations",
        "Planning needs flows rather than people: how many go from where to where. A model's expected flow adds up the "
        "probabilities it gave. Weights, if any, are scaled to the number of records.",
        _figures(figures.flows, shown, caption, finite="expected"),
        tuple(table for table in tables if table),
    )


def _ranking(evaluation: Evaluation) -> Section:
    tables = (accuracy_table(evaluation), area_table(evaluation))
    areas = evaluation.estimates.filter(pl.col("metric").str.starts_with("auc_"), group="all")
    labels = {name: area_label(name) for name in areas["metric"]}
    named = areas.with_columns(outcome=pl.col("metric").replace_strict(labels, return_dtype=pl.String))
    caption = (
        "The chance that a record where it happened got a higher probability than one where it did not. 0.5, the "
        "dashed line, is guessing; 1 is perfect. Further right is better."
    )
    return Section(
        "Who changes, who leaves work",
        "Apart from how probable it finds what came next, a forecast can be judged by how it orders people by "
        "the chance of a change of occupation or of a state without a job, and by how often its most probable "
        "occupations are right.",
        _figures(figures.areas, _ranked(evaluation, named), caption),
        tuple(table for table in tables if table),
    )


def _calibration(evaluation: Evaluation) -> Section:
    shown, table = _ranked(evaluation, evaluation.reliability), calibration_table(evaluation)
    return Section(
        "Can the probabilities be taken at their word?",
        "Where a model says 30 %, it should happen in 30 % of the records: dots on the dashed line. Above the line it "
        "happens more often than the model says, below it less often. Each dot stands for the records between two "
        "steps of the best non-decreasing fit, which needs no bins of one's own choice.",
        _figures(
            figures.calibration,
            shown.filter(event="change"),
            "The probability given to a change of occupation, and how often one came.",
        )
        + _figures(
            figures.calibration,
            shown.filter(event="top_1"),
            "The probability given to the most probable occupation, and how often it was the right one.",
        ),
        (table,) if table else (),
    )


def _sample(evaluation: Evaluation) -> Section:
    words = "Every model was scored on the same records of the same workers."
    if evaluation.open_records:
        words += f" {evaluation.open_records:,} records whose occupation is not known yet were left out."
    return Section("The records behind the numbers", words, tables=(sample_table(evaluation),))


def _figures(draw: figures.Draw, shown: pl.DataFrame, caption: str, *, finite: str = "estimate") -> tuple[Figure, ...]:
    """The figure of a frame, wide and narrow; none where every number is withheld."""
    known = shown.filter(pl.col(finite).is_finite())
    if known.is_empty():
        return ()
    table = frame_table("The numbers of this figure", known)
    return (Figure(draw(known), table, caption, draw(known, narrow=True)),)


def _metric(evaluation: Evaluation, metric: str, group: str) -> pl.DataFrame:
    return _ranked(evaluation, evaluation.estimates.filter(metric=metric, group=group))


def _ranked(evaluation: Evaluation, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its models in order of perplexity."""
    order = pl.DataFrame({"model": evaluation.ranking}, schema={"model": pl.String()}).with_row_index("rank")
    placed = frame.join(order, on="model", how="left", maintain_order="left")
    return placed.sort("rank", maintain_order=True).drop("rank")
