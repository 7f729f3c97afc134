"""The parts of a report on an evaluation: what is shown, and what is said of it."""

import polars as pl

from laborllm.evaluation import Evaluation
from laborllm.evaluation.calibration import LIKELIEST
from laborllm.evaluation.ranking import CHANGE
from laborllm.report import figures
from laborllm.report.page import Figure, Section
from laborllm.report.tables import (
    about_table,
    difference_table,
    forecast_table,
    frame_table,
    perplexity_table,
    sample_table,
)


def sections_of(evaluation: Evaluation) -> list[Section]:
    """Every section that has something to show."""
    found = [_perplexity(evaluation), _kinds(evaluation), _differences(evaluation)]
    found += [_ranking(evaluation), _calibration(evaluation), _sample(evaluation)]
    return [section for section in found if section.figures or section.tables]


def _perplexity(evaluation: Evaluation) -> Section:
    shown = _normalised(evaluation).filter(pl.col("kind") == "all")
    caption = "Perplexity over all records: a dot for each model, a bar for its 95 % interval. Further left is better."
    return Section(
        "How well each model forecasts",
        "A perplexity of 8 means that the model was as unsure of what came next as if it had to choose among 8 equally "
        "likely occupations. A forecast that is always certain and always right has a perplexity of 1.",
        _figures(figures.perplexity_by_model, shown, caption),
        tuple(table for table in (perplexity_table(evaluation), about_table(evaluation)) if table),
    )


def _kinds(evaluation: Evaluation) -> Section:
    shown = _normalised(evaluation).filter(pl.col("kind") != "all")
    caption = "Perplexity by kind of record. The panels have axes of their own: moves are far harder than stays."
    return Section(
        "Beginnings, stays and moves",
        "The first record of a career has no past to go by. After it a worker stays in the occupation of the record "
        "before, or moves. A model can look good overall by betting on stays: the panel of moves tells.",
        _figures(figures.perplexity_by_kind, shown, caption),
    )


def _differences(evaluation: Evaluation) -> Section:
    table = difference_table(evaluation)
    shown = _ranked(evaluation, evaluation.differences).filter(
        pl.col("comparison") == "ratio", pl.col("measure") == "normalised"
    )
    caption = (
        f"Perplexity of each model over that of {evaluation.reference} (the dashed line). Left of the line is better; "
        "a bar that crosses it leaves open which of the two forecasts better."
    )
    return Section(
        f"Against {evaluation.reference}",
        "Both models of a comparison see the same draws of workers, so what is hard to forecast for both cancels out: "
        "these intervals tell models apart that overlap in the figures above.",
        _figures(figures.ratio_to_reference, shown, caption),
        (table,) if table else (),
    )


def _ranking(evaluation: Evaluation) -> Section:
    table = forecast_table(evaluation)
    caption = (
        "The chance that a record where it happened got a higher probability than one where it did not. 0.5, the "
        "dashed line, is guessing; 1 is perfect. Further right is better."
    )
    return Section(
        "Who changes, who leaves work",
        "Apart from how likely it finds what came next, a forecast can be judged by how it orders people by "
        "the chance of a change of occupation or of a state without a job, and by how often its likeliest occupations "
        "are right.",
        _figures(figures.areas, _ranked(evaluation, evaluation.auc), caption),
        (table,) if table else (),
    )


def _calibration(evaluation: Evaluation) -> Section:
    shown = _ranked(evaluation, evaluation.calibration)
    return Section(
        "Can the probabilities be taken at their word?",
        "Records are put into ten groups by the probability a model gave. Where it says 30 %, it should happen in 30 % "
        "of the records: dots on the dashed line. Above the line it happens more often than the model says, below it "
        "less often.",
        _figures(
            figures.calibration,
            shown.filter(pl.col("event") == CHANGE),
            "The probability given to a change of occupation, and how often one came.",
        )
        + _figures(
            figures.calibration,
            shown.filter(pl.col("event") == LIKELIEST),
            "The probability given to the likeliest occupation, and how often it was the right one.",
        ),
    )


def _sample(evaluation: Evaluation) -> Section:
    words = "Every model was scored on the same records of the same workers."
    return Section("The records behind the numbers", words, tables=(sample_table(evaluation),))


def _figures(draw: figures.Draw, shown: pl.DataFrame, caption: str) -> tuple[Figure, ...]:
    """The figure of a frame; none where every number is withheld."""
    known = shown.filter(pl.col("estimate").is_finite())
    return (Figure(draw(known), frame_table("The numbers of this figure", known), caption),) if known.height else ()


def _normalised(evaluation: Evaluation) -> pl.DataFrame:
    return _ranked(evaluation, evaluation.perplexity).filter(pl.col("measure") == "normalised")


def _ranked(evaluation: Evaluation, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its models in order of perplexity."""
    order = pl.DataFrame({"model": evaluation.ranking}, schema={"model": pl.String()}).with_row_index("rank")
    return frame.join(order, on="model", how="left").sort("rank", maintain_order=True).drop("rank")
