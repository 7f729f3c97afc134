"""Proper scores of simulated futures: lower is better, and the true process scores lowest on average.

A score of an ensemble of D draws is the fair one (Ferro 2014): its expectation equals the score of infinitely many
draws, so that forecasts with more draws have no advantage.
"""

import numpy as np
from numpy.typing import NDArray

from laborllm.forecasting.central import central_interval, tails

Floats = NDArray[np.float64]


def log_score(probability: Floats, observed: NDArray[np.intp]) -> Floats:
    """Negative log-probability of what was observed, (n,) nats, from (n, J) probabilities; infinite for zero."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log(probability[np.arange(len(observed)), observed]))


def brier_score(probability: Floats, observed: NDArray[np.intp]) -> Floats:
    """Squared distance between the (n, J) probabilities and what was observed, (n,), from 0 to 2 (Brier 1950)."""
    at_observed = probability[np.arange(len(observed)), observed]
    return np.asarray((probability**2).sum(axis=1) - 2 * at_observed + 1)


def crps(draws: Floats, observed: Floats) -> Floats:
    """Fair continuous ranked probability score of n numbers, (n,), from (n, D) draws.

    E|X - y| - E|X - X'| / 2 over distinct draws (Gneiting and Raftery 2007, equation 21; Ferro 2014). For one draw it
    is the absolute error.
    """
    ordered = np.sort(draws, axis=1)
    count = draws.shape[1]
    error = np.abs(draws - observed[:, None]).mean(axis=1)
    if count == 1:
        return np.asarray(error)
    place = 2 * np.arange(count) - count + 1  # how often each is the larger of a pair, less how often the smaller
    return np.asarray(error - (ordered * place).sum(axis=1) / (count * (count - 1)))


def weighted_interval_score(
    draws: Floats, observed: Floats, levels: tuple[float, ...] = (0.5, 0.8, 0.9, 0.95)
) -> Floats:
    """Weighted interval score (Bracher et al. 2021).

    The mean of the absolute error of the median and, for each central interval, its width and what lies outside of it.

    Args:
        draws: D draws of each of n numbers, (n, D).
        observed: What was observed, (n,).
        levels: Of the central intervals.

    Returns:
        (n,), lower is better.
    """
    total = np.abs(observed - np.median(draws, axis=1)) / 2
    for level in levels:
        tail, upper = tails(level)
        low, high = np.quantile(draws, (tail, upper), axis=1)
        outside = np.maximum(low - observed, 0) + np.maximum(observed - high, 0)
        total = total + tail * (high - low) + outside
    return np.asarray(total / (len(levels) + 0.5))


def interval_holds(draws: Floats, observed: Floats, level: float) -> NDArray[np.bool_]:
    """Whether the central interval of draws holds what was observed.

    Args:
        draws: D draws of each of n numbers, (n, D).
        observed: What was observed, (n,).
        level: Of the interval.

    Returns:
        (n,).
    """
    low, high = central_interval(draws, level, axis=1)
    return np.asarray((low <= observed) & (observed <= high))


def randomised_pit(draws: Floats, observed: Floats, *, seed: int = 0) -> Floats:
    """Probability integral transform of whole numbers: uniform on 0 to 1 if the draws are calibrated.

    A whole number takes a random place among the draws that equal it (Czado, Gneiting and Held 2009).

    Args:
        draws: D draws of each of n numbers, (n, D).
        observed: What was observed, (n,).
        seed: Of the random places.

    Returns:
        (n,), from 0 to 1.
    """
    below = (draws < observed[:, None]).mean(axis=1)
    equal = (draws == observed[:, None]).mean(axis=1)
    return np.asarray(below + equal * np.random.default_rng(seed).random(len(observed)))


def energy_score(paths: NDArray[np.intp], observed: NDArray[np.intp]) -> Floats:
    """Fair energy score of n paths of K categories, (n,), from (n, D, K) draws.

    The distance of two paths is the root of the number of years in which they differ, which is the Euclidean distance
    of their indicators up to a factor (Gneiting and Raftery 2007, equation 22).
    """
    count = paths.shape[1]
    error = np.sqrt((paths != observed[:, None]).sum(axis=2)).mean(axis=1)
    if count == 1:
        return np.asarray(error)
    spread = np.zeros(len(paths))
    for shift in range(1, count):  # each draw with the one `shift` places on: all ordered pairs of distinct draws
        spread += np.sqrt((paths != np.roll(paths, shift, axis=1)).sum(axis=2)).sum(axis=1)
    return np.asarray(error - spread / (2 * count * (count - 1)))


def variogram_score(paths: NDArray[np.intp], observed: NDArray[np.intp]) -> Floats:
    """Variogram score of n paths of K categories, (n,), from (n, D, K) draws: are years that go together forecast so?

    For each pair of years, the squared difference between whether the observed path is in one occupation in both, and
    how often drawn paths are (Scheuerer and Hamill 2015, with the indicator of a difference as variogram).
    """
    total = np.zeros(len(paths))
    for one in range(paths.shape[2]):
        for other in range(one):
            expected = (paths[:, :, one] != paths[:, :, other]).mean(axis=1)
            total += ((observed[:, one] != observed[:, other]) - expected) ** 2
    return total
