"""How much each member of a mixture counts: the weights under which the validation records are most likely.

With p_im the probability that member m gave to what was observed at record i, constant weights maximise the concave

    L(w) = mean_i log sum_m w_m p_im    over    w_m >= 0, sum_m w_m = 1,

and varying weights put w_im = softmax_m(x_i' c_m) in its place, x_i features of its history, less a penalty on c.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from laborllm.errors import PanelError
from laborllm.models.forecasts.forecast import Floats
from laborllm.models.mixture.history import history_features
from laborllm.panel import Panel
from laborllm.panel.order import worker_index
from laborllm.training.minimise import minimise
from laborllm.training.standard import Standard

BARRIERS = 10.0 ** -np.arange(1, 9)  # nats a record
ENOUGH = 1e-2  # of a barrier, in nats: a smaller gain is none
FOLDS = 5
PENALTIES = 10.0 ** np.arange(0, -6, -1)  # from near constant weights to nearly free ones
LEAST = 1e-9  # weight at which the search for varying weights starts


@dataclass(frozen=True)
class ConstantWeights:
    """Weights that are the same at every record.

    Attributes:
        weights: (M,), which add up to one.
    """

    weights: Floats

    def log_weights(self, panel: Panel) -> Floats:
        """The log-weights of the n records of a panel, (n, M), all rows alike."""
        positive = np.maximum(self.weights, np.finfo(float).tiny)
        return np.tile(np.log(positive), (len(panel), 1))

    def tensors(self) -> dict[str, Floats]:
        """The weights by name, as a file holds them."""
        return {"weights": self.weights}


@dataclass(frozen=True)
class VaryingWeights:
    """Weights that are a softmax of features of the history.

    Attributes:
        coefficients: (F + 1, M), the last row without a feature.
        mean: Of the features, (F,).
        deviation: Standard deviation of the features, (F,).
        seen: Training records of each occupation, (J,).
    """

    coefficients: Floats
    mean: Floats
    deviation: Floats
    seen: Floats

    def log_weights(self, panel: Panel) -> Floats:
        """The log-weights of the n records of a panel, (n, M), from the history of each."""
        return self.of_features(history_features(panel, self.seen))

    def of_features(self, raw: Floats) -> Floats:
        """The log-weights, (n, M), from the features of n histories, (n, F)."""
        features = Standard(self.mean, self.deviation).apply(raw)
        return _log_softmax(features @ self.coefficients[:-1] + self.coefficients[-1])

    def tensors(self) -> dict[str, Floats]:
        """The coefficients by name, as a file holds them."""
        return dict(vars(self))


def constant_weights(log_prob: Floats) -> Floats:
    """The best constant weights, (M,), from (n, M) log-probabilities of what was observed.

    By an interior-point method (Boyd and Vandenberghe 2004, sec. 11.3): Newton steps on sum_m w_m - L(w) less a barrier
    times sum_m log w_m, for ever lower barriers. The L(w) reached is within M times the last barrier of the largest.
    """
    best = log_prob.max(axis=1, keepdims=True)
    possible = np.isfinite(best[:, 0])  # a record that no member allows says nothing
    likelihood = np.exp(log_prob[possible] - best[possible])
    weights = np.full(log_prob.shape[1], 1 / log_prob.shape[1])
    for barrier in BARRIERS if len(likelihood) else ():
        weights = _centre(likelihood, weights, barrier)
    return np.asarray(weights / weights.sum())


def varying_weights(log_prob: Floats, panel: Panel, seen: Floats, *, seed: int) -> VaryingWeights:
    """The best weights that vary with the history.

    The penalty is the one that does best on workers left out of the fit, in folds.

    Args:
        log_prob: Log-probability that each of M members gave to what was observed at n records, (n, M).
        panel: These records.
        seen: Training records of each occupation, (J,).
        seed: Draws the folds.

    Returns:
        The weights.

    Raises:
        PanelError: A panel of one worker.
    """
    raw = history_features(panel, seen)
    standard = Standard.of(raw)
    features = np.c_[standard.apply(raw), np.ones(len(raw))]
    possible = np.isfinite(log_prob.max(axis=1))
    known, features, fold = log_prob[possible], features[possible], _folds(panel, seed)[possible]
    penalty = max(PENALTIES.tolist(), key=lambda penalty: _left_out_log_prob(known, features, fold, penalty))
    return VaryingWeights(softmax_weights(known, features, penalty), standard.mean, standard.deviation, seen)


def softmax_weights(log_prob: Floats, features: Floats, penalty: float) -> Floats:
    """Coefficients of weights that are a softmax of features.

    They maximise the mean log-likelihood less half `penalty` times the sum of squares of all but the last. That is not
    concave; the search goes up from the best constant weights, so what it finds is at least as good.

    Args:
        log_prob: Log-probability that each member gave to what was observed, (n, M).
        features: Of each record, the last of which is one, (n, F).
        penalty: On the squares of the coefficients.

    Returns:
        (F, M).
    """
    initial = np.zeros((features.shape[1], log_prob.shape[1]))
    initial[-1] = np.log(np.maximum(constant_weights(log_prob), LEAST))
    coefficients = torch.tensor(initial, requires_grad=True)
    x, members = torch.tensor(features), torch.tensor(log_prob, dtype=torch.float64)

    def objective() -> Tensor:
        log_weights = (x @ coefficients).log_softmax(dim=1)
        return penalty / 2 * coefficients[:-1].square().sum() - (log_weights + members).logsumexp(dim=1).mean()

    minimise(objective, [coefficients])
    return coefficients.detach().numpy()


def _centre(likelihood: Floats, weights: Floats, barrier: float) -> Floats:
    """The lowest point of the objective with one barrier, by Newton's method with backtracking from `weights` on."""

    def objective(w: Floats) -> float:
        if w.min() <= 0:
            return np.inf
        return float(w.sum() - np.log(likelihood @ w).mean() - barrier * np.log(w).sum())

    while True:
        share = likelihood / (likelihood @ weights)[:, None]
        gradient = 1 - share.mean(axis=0) - barrier / weights
        hessian = share.T @ share / len(share) + np.diag(barrier / weights**2)
        step = -np.linalg.solve(hessian, gradient)
        gain = -gradient @ step  # twice what a whole step promises
        if gain < ENOUGH * barrier:
            return weights
        fraction = 1.0
        while objective(weights + fraction * step) > objective(weights) - fraction * gain / 4:
            fraction /= 2
        weights = weights + fraction * step


def _left_out_log_prob(log_prob: Floats, features: Floats, fold: NDArray[np.intp], penalty: float) -> float:
    """The sum of the log-probabilities of records under the weights of the other folds."""
    total = 0.0
    for left_out in (fold == number for number in np.unique(fold)):
        coefficients = softmax_weights(log_prob[~left_out], features[~left_out], penalty)
        log_weights = _log_softmax(features[left_out] @ coefficients)
        total += float(np.logaddexp.reduce(log_weights + log_prob[left_out], axis=1).sum())
    return total


def _log_softmax(score: Floats) -> Floats:
    return np.asarray(score - np.logaddexp.reduce(score, axis=1, keepdims=True))


def _folds(panel: Panel, seed: int) -> NDArray[np.intp]:
    """The fold of each record, (n,): its worker's fold."""
    workers = panel.workers
    if workers < 2:
        raise PanelError("weights that vary need at least two workers in split valid: use constant ones")
    of_worker = np.random.default_rng(seed).permutation(workers) % min(FOLDS, workers)
    return np.asarray(of_worker[worker_index(panel.records)])
