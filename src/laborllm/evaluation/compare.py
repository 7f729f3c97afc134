"""Fitted models on one panel: the same workers for all of them, scored once each."""

from collections.abc import Mapping
from dataclasses import replace

from laborllm.errors import OptionError
from laborllm.evaluation.evaluate import evaluate
from laborllm.evaluation.results import Evaluation
from laborllm.evaluation.sample import Sample
from laborllm.evaluation.scores import Scores
from laborllm.models.contract import Forecaster
from laborllm.panel import Panel


def compare(
    models: Mapping[str, Forecaster],
    panel: Panel,
    *,
    split: str = "test",
    workers: int | None = None,
    likelihood_only: bool = False,
    reference: str | None = None,
    draws: int = 1000,
    seed: int = 0,
    about: Mapping[str, str] | None = None,
) -> Evaluation:
    """Evaluate fitted models by name on the careers of one split, or on `workers` of its workers drawn with `seed`.

    Open records have no occupation to score: they are skipped, and the result says how many.

    likelihood_only: score the observed occupations alone, which gives raw perplexity and nothing else.
    reference, draws, seed, about: as in `evaluate`. Raises `InputError` or `PanelError` on what cannot be compared.
    """
    if reference is not None and reference not in models:
        raise OptionError(f"the reference {reference!r} is not among the models: use {', '.join(models)}")
    drawn = panel.draw(split, workers, seed=seed)
    careers = drawn.observed()
    Sample.of(careers.records, draws, seed)  # refuses too few draws now, not after hours of scoring
    scores = {name: _scores(model, careers, likelihood_only) for name, model in models.items()}
    found = evaluate(scores, draws=draws, seed=seed, reference=reference, about=about)
    return replace(found, open_records=drawn.open_records)


def _scores(model: Forecaster, careers: Panel, likelihood_only: bool) -> Scores:
    if likelihood_only:
        return Scores.of_log_likelihood(careers.records, model.log_likelihood(careers))
    return Scores.of_forecast(model.forecast(careers))
