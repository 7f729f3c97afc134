"""Perplexity of each model, and how far each is from a reference on the same draws of workers.

Perplexity is exp of the mean negative log-likelihood, pooled over records: the number of equally likely occupations
among which the model would be as unsure (Jelinek et al. 1977; LABOR-LLM, arXiv 2406.17972, equation 3).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from laborllm.evaluation.arrays import Bools
from laborllm.evaluation.bootstrap import Bootstrapped
from laborllm.evaluation.sample import COUNTS, ESTIMATE, Row, Sample, Schema, estimate_columns
from laborllm.evaluation.scores import Array, Scores

MEASURES = ("normalised", "raw")
"""Over the taxonomy's titles alone, and as the model itself gives them."""


@dataclass(frozen=True)
class Perplexities:
    """Perplexity of the named models per kind: an estimate of (models, kinds)."""

    measure: str
    models: tuple[str, ...]
    values: Bootstrapped


def perplexities(sample: Sample, scores: Mapping[str, Scores]) -> list[Perplexities]:
    """For each measure, the models that have it."""
    by_measure: dict[str, dict[str, Array | None]] = {
        "normalised": {model: given.log_likelihood for model, given in scores.items()},
        "raw": {model: given.raw_log_likelihood for model, given in scores.items()},
    }
    known = {
        measure: {model: values for model, values in by_model.items() if values is not None}
        for measure, by_model in by_measure.items()
    }
    return [_perplexities(sample, measure, given) for measure, given in known.items() if given]


def _perplexities(sample: Sample, measure: str, log_likelihood: Mapping[str, Array]) -> Perplexities:
    loss = -np.stack(list(log_likelihood.values()), axis=1)  # (n, models)
    return Perplexities(measure, tuple(log_likelihood), sample.bootstrap.mean(loss, sample.kinds.members).exp())


def perplexity_table(sample: Sample, found: list[Perplexities]) -> pl.DataFrame:
    """model, measure, kind, records, workers and the estimate."""
    rows: list[Row] = [
        {"model": model, "measure": each.measure, "kind": kind}
        | sample.kinds.counts(cell)
        | estimate_columns(each.values[at, cell], withheld=sample.kinds.withheld(cell))
        for each in found
        for at, model in enumerate(each.models)
        for cell, kind in enumerate(sample.kinds.names)
    ]
    keys: Schema = {"model": pl.String(), "measure": pl.String(), "kind": pl.String()}
    return pl.DataFrame(rows, schema=keys | COUNTS | ESTIMATE)


def difference_table(sample: Sample, found: list[Perplexities], reference: str) -> pl.DataFrame:
    """model, reference, measure, comparison ("difference": model minus reference; "ratio": model over it), kind and the
    estimate, for every other model that has the measure where the reference has it."""
    rows: list[Row] = [
        {"model": model, "reference": reference, "measure": each.measure, "comparison": comparison, "kind": kind}
        | estimate_columns(statistic, withheld=sample.kinds.withheld(cell))
        for each in found
        if reference in each.models
        for at, model in enumerate(each.models)
        if model != reference
        for cell, kind in enumerate(sample.kinds.names)
        for comparison, statistic in _compared(each, at, each.models.index(reference), cell).items()
    ]
    keys: Schema = dict.fromkeys(("model", "reference", "measure", "comparison", "kind"), pl.String())
    return pl.DataFrame(rows, schema=keys | ESTIMATE)


def _compared(found: Perplexities, model: int, reference: int, cell: int) -> dict[str, Bootstrapped]:
    own, other = found.values[model, cell], found.values[reference, cell]
    return {"difference": own - other, "ratio": own / other}


def validity_table(sample: Sample, scores: Mapping[str, Scores]) -> pl.DataFrame:
    """model, kind, raw_mass (mean probability on valid titles), greedy_valid (share of greedy completions valid), and
    within, the factor within which the perplexity is exact: one unless improbable titles were left unresolved."""
    rows = [
        {
            "model": model,
            "kind": kind,
            "raw_mass": _cell_mean(given.raw_mass, sample, cell),
            "greedy_valid": _cell_mean(given.greedy_valid, sample, cell),
            "within": _within(given, sample, cell),
        }
        for model, given in scores.items()
        for cell, kind in enumerate(sample.kinds.names)
    ]
    keys: Schema = {"model": pl.String(), "kind": pl.String()}
    return pl.DataFrame(rows, schema=keys | dict.fromkeys(("raw_mass", "greedy_valid", "within"), pl.Float64()))


def _within(given: Scores, sample: Sample, cell: int) -> float | None:
    """The exponential of the mean of -log(1 - b), for a forecast whose rows are off by b at most in total variation."""
    if given.error_bound is None:
        return 1.0
    nats = _cell_mean(-np.log1p(-given.error_bound), sample, cell)
    return None if nats is None else float(np.exp(nats))


def _cell_mean(values: Array | Bools | None, sample: Sample, cell: int) -> float | None:
    if values is None or sample.kinds.withheld(cell):
        return None
    return float(np.mean(values[sample.kinds.members[:, cell]], dtype=np.float64))
