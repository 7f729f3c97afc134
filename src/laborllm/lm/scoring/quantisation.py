"""Quantisation: weights in 8 bits, as LABOR-LLM scores with (arXiv 2406.17972), or products in bfloat16, and what it
changes on the careers at hand.

In 8 bits, each row of a linear layer is whole numbers from -127 to 127 times one scale, its largest weight over 127;
products are in the precision of the input. The embedding and the output layer stay as they are.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import nn
from transformers import PreTrainedModel

from laborllm.errors import InputError, OptionError
from laborllm.lm.base.weights import without_foreign_warnings
from laborllm.lm.forward.loglikelihood import loglikelihood
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.scoring.options import QuantisationCost, Weights
from laborllm.lm.scoring.scorer import Scorer
from laborllm.lm.scoring.title_scores import TitleScores
from laborllm.lm.tokens.encoding import EncodedCareer

RECORDS = 8  # on which the cost is measured
LEVELS = 127
SMALLEST = 1e-12  # scale, so that a row of zeros has one


def quantised(model: TextModel, weights: Weights) -> TextModel:
    """A text model with its linear layers in 8 bits, or its products in bfloat16; `model` stays as it is.

    What is not quantised is shared by both. Raises `InputError` without torchao, or if there is nothing to quantise.
    """
    if weights == "bfloat16":
        return TextModel(model.base, model.encoder, autocast=True, vocabulary=model.vocabulary)
    own = model.base.model
    shared = {id(tensor): tensor for tensor in (*own.parameters(), *own.buffers())}
    base = replace(model.base, model=copy.deepcopy(own, memo=shared))
    quantise_weights(base.model)
    return TextModel(base, model.encoder, autocast=model.decoder.autocast, vocabulary=model.vocabulary)


def quantise_weights(model: PreTrainedModel) -> None:
    """Replace the weights of the linear layers of a model, but for its output layer, by 8-bit ones, in place.

    Raises:
        InputError: torchao is not installed, or the model has no linear layers.
    """
    try:
        with without_foreign_warnings():
            from torchao.quantization import Int8Tensor, PerRow
    except ImportError as error:
        raise InputError("weights in 8 bits need torchao: pip install 'laborllm[eight-bit]'") from error
    output = model.get_output_embeddings()
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear) and layer is not output]
    if not layers:
        raise InputError(f"{model.config.model_type} models have no linear layers that could be held in 8 bits")
    for layer in layers:
        scale = (layer.weight.detach().abs().amax(dim=1, keepdim=True) / LEVELS).clamp(min=SMALLEST)
        eight_bit = Int8Tensor.from_hp(layer.weight.detach(), PerRow(), scale=scale)
        layer.weight = nn.Parameter(eight_bit, requires_grad=False)


def quantisation_cost(
    fitted: Scorer, quantised: Scorer, weights: Weights, careers: Sequence[EncodedCareer]
) -> QuantisationCost:
    """Measure what quantisation changes on a few observed records, spread evenly over the careers.

    Args:
        fitted: Scores with the fitted weights; all titles are scored exactly.
        quantised: Scores with the quantised ones.
        weights: What is quantised to.
        careers: Careers as tokens.

    Returns:
        The change of forecasts and of the raw perplexity.

    Raises:
        OptionError: All records are open.
    """
    few = _few(careers)
    before, after = _forecast(fitted, few), _forecast(quantised, few)
    off = np.abs(np.exp(before.log_prob) - np.exp(after.log_prob)).sum(axis=1) / 2
    ratio = float(np.exp((before.observed - after.observed).mean()))
    return QuantisationCost(weights, len(few), float(off.mean()), float(off.max()), ratio)


@dataclass(frozen=True)
class _Forecast:
    """The log-probabilities of n records, in nats.

    Attributes:
        log_prob: Normalised over the titles, (n, J).
        observed: Of the observed titles, not normalised, (n,).
    """

    log_prob: NDArray[np.float64]
    observed: NDArray[np.float64]


def _forecast(scorer: Scorer, careers: Sequence[EncodedCareer]) -> _Forecast:
    log_prob = TitleScores.join(scorer.score(careers)).log_prob
    log_mass = np.logaddexp.reduce(log_prob, axis=1, keepdims=True)
    return _Forecast(log_prob - log_mass, np.concatenate(list(loglikelihood(scorer.model, careers))))


def _few(careers: Sequence[EncodedCareer]) -> list[EncodedCareer]:
    """Careers that end with, and ask for, one record each."""
    places = [(career, end) for career in careers for end in range(len(career.observed))]
    if not places:
        raise OptionError("the cost of quantisation is measured on observed records, and all of these are open")
    chosen = np.unique(np.linspace(0, len(places) - 1, RECORDS).round().astype(int))
    return [_until(*places[place]) for place in chosen]


def _until(career: EncodedCareer, record: int) -> EncodedCareer:
    start, end = career.starts[record], career.ends[record]
    return EncodedCareer(career.worker, career.tokens[:end], (start,), (end,))
