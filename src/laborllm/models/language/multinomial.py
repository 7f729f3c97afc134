"""Multinomial logit on vectors, plain or with the two-stage likelihood, and the penalty that validation chooses."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from laborllm.models.forecasts.forecast import Floats
from laborllm.models.two_stage import two_stage_log_prob
from laborllm.runtime import best_device
from laborllm.training.minimise import minimise
from laborllm.training.standard import Standard

if TYPE_CHECKING:
    from laborllm.models.language.specs import Likelihood

PENALTIES = 10.0 ** -np.arange(0, 7)  # times half the squared weights, against the mean log-likelihood
TOLERANCE = 1e-6  # nats a record
STEPS = 100


@dataclass(frozen=True)
class Vectors:
    """Vectors of n records.

    Attributes:
        vectors: Of the careers so far, (n, d).
        previous: Columns of the occupations before, (n,); J where there is none.
        observed: Columns of the records' own occupations, (n,); J for an open record.
    """

    vectors: Floats
    previous: NDArray[np.intp]
    observed: NDArray[np.intp]


@dataclass(frozen=True)
class MultinomialLogit:
    """A multinomial logit: S scores, of the J occupations and, with two stages, of staying.

    Attributes:
        likelihood: "multinomial" or "two-stage".
        weight: (d, S), for vectors that are centred and scaled.
        bias: (S,).
        mean: Of the vectors, (d,).
        deviation: Standard deviation of the vectors, (d,).
    """

    likelihood: "Likelihood"
    weight: Tensor
    bias: Tensor
    mean: Tensor
    deviation: Tensor

    def log_prob(self, records: Vectors) -> Tensor:
        """The log-probability of each occupation for each record, (n, J), in nats."""
        standard = Standard(self.mean.numpy(), self.deviation.numpy())
        scores = _standardised(records, standard) @ self.weight + self.bias
        return _log_prob(self.likelihood, scores, torch.from_numpy(records.previous))

    def fits(self, width: int, classes: int) -> bool:
        """Whether these are the numbers of a logit on vectors, over occupations.

        Args:
            width: d, of the vectors.
            classes: J.
        """
        scores = classes + (self.likelihood == "two-stage")
        shapes = {"weight": (width, scores), "bias": (scores,), "mean": (width,), "deviation": (width,)}
        return all(
            numbers.dtype == torch.float32 and numbers.shape == shapes[name] for name, numbers in self.tensors().items()
        )

    def perplexity(self, records: Vectors) -> float:
        """Perplexity of the observed occupations."""
        log_prob = self.log_prob(records)[torch.arange(len(records.observed)), torch.from_numpy(records.observed)]
        return float(log_prob.double().mean().neg().exp())

    def tensors(self) -> dict[str, Tensor]:
        """The numbers of the logit by name, as a file holds them."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}


@dataclass(frozen=True)
class Chosen:
    """The best logit, its penalty, and its perplexity on the validation split."""

    logit: MultinomialLogit
    penalty: float
    perplexity: float


def choose_logit(likelihood: "Likelihood", classes: int, train: Vectors, valid: Vectors) -> Chosen:
    """The logit with the penalty under which validation records are most likely: from the largest down, until one does
    worse.

    Args:
        likelihood: "multinomial" or "two-stage".
        classes: J.
        train: Records to fit to.
        valid: Records that choose the penalty.

    Returns:
        The logit, its penalty and its validation perplexity.
    """
    best: Chosen | None = None
    for penalty, logit in zip(PENALTIES.tolist(), _path(likelihood, classes, train), strict=True):
        found = Chosen(logit, penalty, logit.perplexity(valid))
        if best is not None and found.perplexity >= best.perplexity:
            break
        best = found
    assert best is not None  # there is a first penalty
    return best


def _path(likelihood: "Likelihood", classes: int, train: Vectors) -> Iterator[MultinomialLogit]:
    """The logit of each penalty, each started from the one before, on the best device."""
    standard, device = Standard.of(train.vectors), best_device()
    x = _standardised(train, standard).to(device)
    previous, observed = (torch.from_numpy(columns).to(device) for columns in (train.previous, train.observed))
    rows = torch.arange(len(x), device=device)
    scores = classes + 1 if likelihood == "two-stage" else classes
    weight, bias = (torch.zeros(*shape, scores, device=device, requires_grad=True) for shape in ((x.shape[1],), ()))
    mean, deviation = (torch.from_numpy(values.astype(np.float32)) for values in (standard.mean, standard.deviation))
    for penalty in PENALTIES.tolist():

        def objective(penalty: float = penalty) -> Tensor:
            log_prob = _log_prob(likelihood, x @ weight + bias, previous)[rows, observed]
            return penalty / 2 * weight.square().sum() - log_prob.mean()

        minimise(objective, [weight, bias], tolerance=TOLERANCE, steps=STEPS)
        yield MultinomialLogit(likelihood, _copy(weight), _copy(bias), mean, deviation)


def _log_prob(likelihood: "Likelihood", scores: Tensor, previous: Tensor) -> Tensor:
    return two_stage_log_prob(scores, previous) if likelihood == "two-stage" else scores.log_softmax(dim=1)


def _standardised(records: Vectors, standard: Standard) -> Tensor:
    return torch.from_numpy(standard.apply(records.vectors).astype(np.float32))


def _copy(parameter: Tensor) -> Tensor:
    return parameter.detach().cpu().clone()
