"""The fit of a mixture: its weights, and its temperature, are those under which split valid is most likely."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from laborllm.models.forecasts.forecast import Floats
from laborllm.models.forecasts.saved import SavedForecast
from laborllm.models.mixture.history import training_records
from laborllm.models.mixture.mixture import MEAN_WEIGHT, FittedMixture, log_likelihoods_of
from laborllm.models.mixture.temperature import best_temperature
from laborllm.models.mixture.weights import ConstantWeights, VaryingWeights, constant_weights, varying_weights
from laborllm.models.registry import load_forecaster, state_of
from laborllm.models.runs.run_folder import FitRecord
from laborllm.models.runs.seen import seen_by_all
from laborllm.models.taxonomies import lineage_of, require_taxonomy
from laborllm.panel import Panel

if TYPE_CHECKING:
    from laborllm.models.mixture.specs import Mixture


def fit_mixture(spec: "Mixture", panel: Panel, *, seed: int) -> FittedMixture:
    """Choose the weights under which the records of split valid are most likely.

    Args:
        spec: The members, and how weights vary.
        panel: The careers.
        seed: Draws the folds that choose the penalty of varying weights.

    Returns:
        The fitted mixture.

    Raises:
        RunError: A member that may have been trained on workers who are held out.
        PanelError: A member over another taxonomy.
    """
    valid = panel.subset("valid").observed()
    states = tuple(state_of(member) for member in spec.members)
    members = tuple(load_forecaster(member, held_out_by=panel) for member in spec.members)
    for member in members:
        require_taxonomy(member, panel)
    log_likelihoods = log_likelihoods_of(members, valid)
    if spec.weights == "constant":
        weights: ConstantWeights | VaryingWeights = ConstantWeights(constant_weights(log_likelihoods))
    else:
        weights = varying_weights(log_likelihoods, valid, training_records(panel), seed=seed)
    seen = seen_by_all(member.record.seen for member in members if not isinstance(member, SavedForecast))
    record = FitRecord.on(panel, valid, seed=seed, ancestors=map(lineage_of, members), seen=seen)
    metrics = _metrics([str(member) for member in spec.members], log_likelihoods, weights.log_weights(valid))
    mixture = FittedMixture(spec, record, members, states, weights, metrics)
    return _at_its_temperature(mixture, valid) if spec.tempered else mixture


def _at_its_temperature(mixture: FittedMixture, valid: Panel) -> FittedMixture:
    """A mixture at the temperature that is best for its records of split valid."""
    forecast = mixture.mean(valid)
    temperature = best_temperature(forecast)
    found = replace(mixture, temperature=temperature)
    perplexity = float(np.exp(-found.at_temperature(forecast).raw_log_likelihood.mean()))
    metrics = {**mixture.metrics, "temperature": temperature, "validation perplexity": perplexity}
    return replace(found, metrics=metrics)


def _metrics(names: Sequence[str], log_likelihoods: Floats, log_weights: Floats) -> dict[str, float]:
    mixed = np.logaddexp.reduce(log_weights + log_likelihoods, axis=1)
    shares, each = np.exp(log_weights).mean(axis=0), np.exp(-log_likelihoods.mean(axis=0))
    return {
        "validation perplexity": float(np.exp(-mixed.mean())),
        **{f"validation perplexity of {name}": float(value) for name, value in zip(names, each, strict=True)},
        **{f"{MEAN_WEIGHT}{name}": float(value) for name, value in zip(names, shares, strict=True)},
    }
