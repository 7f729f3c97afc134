"""Put models side by side on the same records, with uncertainty that is shared and clustered by worker."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from laborllm.errors import InputError, OptionError
from laborllm.evaluation.calibration import calibration_table
from laborllm.evaluation.perplexity import difference_table, perplexities, perplexity_table, validity_table
from laborllm.evaluation.ranking import accuracy_table, auc_table
from laborllm.evaluation.results import Evaluation
from laborllm.evaluation.sample import COUNTS, Sample
from laborllm.evaluation.scores import Distribution, Scores


def evaluate(
    scores: Mapping[str, Scores],
    *,
    draws: int = 1000,
    seed: int = 0,
    reference: str | None = None,
    about: Mapping[str, str] | None = None,
) -> Evaluation:
    """Compare models by name; the first is the reference unless another is named.

    draws, seed: of the bootstrap over workers, shared by all models. about: a line on each model for the tables.
    Raises `InputError` unless all models score the same records over the same taxonomy.
    """
    _require_comparable(scores)
    reference = _known_reference(scores, reference)
    sample = Sample.of(next(iter(scores.values())).records, draws, seed)
    found = perplexities(sample, scores)
    distributions = _distributions(scores)
    return Evaluation(
        reference=reference,
        draws=draws,
        seed=seed,
        about=dict(about or {}),
        sample=_sample_table(sample),
        perplexity=perplexity_table(sample, found),
        differences=difference_table(sample, found, reference),
        validity=validity_table(sample, scores),
        accuracy=accuracy_table(sample, distributions),
        auc=auc_table(sample, distributions),
        calibration=calibration_table(sample, distributions),
    )


def _sample_table(sample: Sample) -> pl.DataFrame:
    kinds = sample.kinds
    rows = [{"kind": kind, **kinds.counts(cell)} for cell, kind in enumerate(kinds.names)]
    return pl.DataFrame(rows, schema={"kind": pl.String(), **COUNTS})


def _distributions(scores: Mapping[str, Scores]) -> dict[str, Distribution]:
    found = {model: Distribution.of(given) for model, given in scores.items()}
    return {model: distribution for model, distribution in found.items() if distribution is not None}


def _known_reference(scores: Mapping[str, Scores], reference: str | None) -> str:
    if reference is None:
        return next(iter(scores))
    if reference not in scores:
        raise OptionError(f"the reference {reference!r} is not among the models: use {', '.join(scores)}")
    return reference


def _require_comparable(scores: Mapping[str, Scores]) -> None:
    if not scores:
        raise OptionError("there are no models to evaluate: give at least one")
    (first, one), *others = scores.items()
    for name, other in others:
        _require_same_records(first, one.records, name, other.records)
    taxonomies = {name: given.taxonomy for name, given in scores.items() if given.taxonomy is not None}
    for name, taxonomy in taxonomies.items():
        against, expected = next(iter(taxonomies.items()))
        if taxonomy.codes != expected.codes:
            raise InputError(
                f"{name!r} forecasts over other codes ({taxonomy.name}, {len(taxonomy)} occupations) than {against!r} "
                f"({expected.name}, {len(expected)}): their perplexities cannot be compared"
            )


def _require_same_records(first: str, one: pl.DataFrame, name: str, other: pl.DataFrame) -> None:
    advice = "score every model on the same records"
    if one.height != other.height:
        raise InputError(f"{name!r} has {other.height} records and {first!r} has {one.height}: {advice}")
    for column in ("worker", "year", "occupation"):
        differs = np.flatnonzero((one[column] != other[column]).to_numpy())
        if len(differs):
            raise InputError(f"the {column} of {name!r} and {first!r} differs, first in row {differs[0] + 1}: {advice}")
