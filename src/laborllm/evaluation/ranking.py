"""How well probabilities rank: the area under the ROC curve, and whether the observed occupation is among the top k."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.evaluation.arrays import Bools, Indices
from laborllm.evaluation.bootstrap import Bootstrapped, Floats
from laborllm.evaluation.sample import COUNTS, ESTIMATE, Cells, Row, Sample, Schema, estimate_columns
from laborllm.evaluation.scores import Distribution
from laborllm.panel.order import record_before

TOPS = (1, 5)
CHANGE = "change of occupation"


def roc_auc(score: NDArray[np.floating], positive: Bools) -> float:
    """The share of (positive, negative) pairs that `score` (n,) orders rightly, ties counting one half.

    Not a number unless there are records of both sorts.
    """
    return float(placements(score, positive)[positive].mean()) if positive.any() else float("nan")


def placements(score: NDArray[np.floating], positive: Bools) -> Floats:
    """For each record the share of records of the other sort that `score` orders rightly against it, (n,).

    Their mean over positives, and over negatives, is the area under the curve. Their variation over workers gives its
    clustered uncertainty (Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data").
    """
    share = np.full(len(score), np.nan)
    if positive.all() or not positive.any():
        return share
    above, below = np.sort(score[positive]), np.sort(score[~positive])
    share[positive] = _share_below(score[positive], below)
    share[~positive] = 1 - _share_below(score[~positive], above)
    return share


def top_hits(log_prob: NDArray[np.floating], observed: Indices, top: int) -> Floats:
    """Whether the observed occupation is among the `top` most probable, (n,).

    Where it ties at the edge it counts the chance that a random order of the tied lets it in, so that a uniform
    forecast over J occupations scores top / J.
    """
    own = log_prob[np.arange(len(observed)), observed][:, None]
    greater = (log_prob > own).sum(axis=1)
    tied = (log_prob == own).sum(axis=1)
    return np.asarray(np.clip((top - greater) / tied, 0, 1))


def _share_below(values: NDArray[np.floating], ordered: NDArray[np.floating]) -> Floats:
    """The share of `ordered` below each value, ties counting one half."""
    left, right = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return np.asarray((left + right) / (2 * len(ordered)))


def accuracy_table(sample: Sample, distributions: Mapping[str, Distribution]) -> pl.DataFrame:
    """model, top, kind, records, workers and the estimate: how often the observed occupation is among the likeliest."""
    columns = [(model, top) for model in distributions for top in TOPS]
    keys: Schema = {"model": pl.String(), "top": pl.Int64(), "kind": pl.String()}
    if not columns:
        return pl.DataFrame(schema=keys | COUNTS | ESTIMATE)
    hits = [top_hits(distributions[model].log_prob, distributions[model].observed, top) for model, top in columns]
    accuracy = sample.bootstrap.mean(np.stack(hits, axis=1), sample.kinds.members)
    rows: list[Row] = [
        {"model": model, "top": top, "kind": kind}
        | sample.kinds.counts(cell)
        | estimate_columns(accuracy[at, cell], withheld=sample.kinds.withheld(cell))
        for at, (model, top) in enumerate(columns)
        for cell, kind in enumerate(sample.kinds.names)
    ]
    return pl.DataFrame(rows, schema=keys | COUNTS | ESTIMATE)


def auc_table(sample: Sample, distributions: Mapping[str, Distribution]) -> pl.DataFrame:
    """model, outcome, positives (records) and the estimate: for a change of occupation and for each state.

    Records and workers are those the outcome can befall: all but first records for a change, all records for a state.
    """
    rows = [row for outcome in _outcomes(sample, distributions) for row in _auc_rows(sample, outcome)]
    keys: Schema = {"model": pl.String(), "outcome": pl.String(), "positives": pl.Int64()}
    return pl.DataFrame(rows, schema=keys | COUNTS | ESTIMATE)


@dataclass(frozen=True)
class _Outcome:
    """An event, the records it can befall (n,), those it befell (n,), and each model's score of it, (n,)."""

    name: str
    among: Bools
    positive: Bools
    scores: Mapping[str, NDArray[np.floating]]


def _outcomes(sample: Sample, distributions: Mapping[str, Distribution]) -> list[_Outcome]:
    if not distributions:
        return []
    one = next(iter(distributions.values()))
    every = np.ones(len(one.observed), dtype=bool)
    changed = sample.has_past & (one.observed != record_before(one.observed))
    change = {model: given.move_probability for model, given in distributions.items()}
    outcomes = [_Outcome(CHANGE, sample.has_past, changed, change)]
    for state in one.taxonomy.states:
        column = one.taxonomy.position[state]
        scores = {model: given.log_prob[:, column] for model, given in distributions.items()}
        outcomes.append(_Outcome(one.taxonomy.title(state), every, one.observed == column, scores))
    return outcomes


def _auc_rows(sample: Sample, outcome: _Outcome) -> list[Row]:
    sides = Cells.of({"yes": outcome.positive, "no": outcome.among & ~outcome.positive}, sample.worker)
    whole = Cells.of({"all": outcome.among}, sample.worker)
    withheld = sides.withheld(0) or sides.withheld(1)
    area = _clustered_auc(sample, outcome, sides)
    return [
        {"model": model, "outcome": outcome.name, "positives": None if withheld else int(sides.records[0])}
        | (dict.fromkeys(COUNTS) if withheld else whole.counts(0))
        | estimate_columns(area[at], withheld=withheld)
        for at, model in enumerate(outcome.scores)
    ]


def _clustered_auc(sample: Sample, outcome: _Outcome, sides: Cells) -> Bootstrapped:
    """Area per model, (models,), whose draws are linear in the placements: the mean over positives and the mean over
    negatives vary, each around the area (Obuchowski 1997)."""
    share = np.full((len(outcome.among), len(outcome.scores)), np.nan)
    for at, score in enumerate(outcome.scores.values()):
        share[outcome.among, at] = placements(score[outcome.among], outcome.positive[outcome.among])
    mean = sample.bootstrap.mean(share, sides.members)
    area = mean.estimate[:, 0]
    return Bootstrapped(area, mean.resampled.sum(axis=2) - area)
