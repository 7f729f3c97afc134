"""Scores of membership: the higher, the more a career resembles one that a model was trained on.

A unit is a record or a whole career, and x its log-likelihood in nats under the model that is attacked. A refit is a
model of the same recipe whose training people are known; see `refits`.
"""

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Numbers = NDArray[np.float64]
SMALLEST_SPREAD = 1e-6  # nats: below it, refits do not differ but by rounding


def calibrated(x: Numbers, reference: Numbers) -> Numbers:
    """How much likelier than under a reference, which is how hard a unit is to forecast for anyone.

    Args:
        x: (n,) nats.
        reference: (n,) nats under a model that was not trained on these people.

    Returns:
        (n,) scores (Watson et al., arXiv 2111.08440).
    """
    return x - reference


def rmia(x: Numbers, refits: Numbers, population: Bools, *, ratio: float = 1.0) -> Numbers:
    """The share of people of the population over whom a unit has gained in likelihood.

    RMIA (arXiv 2312.03262, equation 5): with p(x) the mean probability under refits, half of which were trained on x,
    the share of z for which (p(x | model) / p(x)) / (p(z | model) / p(z)) is at least `ratio`.

    Args:
        x: (n,) nats.
        refits: (M, n) nats.
        population: Which units are z, (n,); none of them is asked about.
        ratio: The gamma of the paper.

    Returns:
        (n,) shares.
    """
    gain = x - _log_mean_exp(refits)
    others = np.sort(gain[population])
    return np.asarray(np.searchsorted(others, gain - np.log(ratio), side="right") / len(others))


def lira(x: Numbers, refits: Numbers, trained: Bools) -> Numbers:
    """The likelihood ratio of having been trained on, with a normal distribution for either case.

    Online LiRA (arXiv 2112.03570, algorithm 1), with one variance for all units in each case, which is best with fewer
    than 64 refits (section VI-D there).

    Args:
        x: (n,).
        refits: (M, n), in the units of `x`.
        trained: Whether a refit was trained on a unit, (M, n), both cases at least once.

    Returns:
        (n,) log-likelihood ratios.
    """
    inside, outside = _moments(refits, trained), _moments(refits, ~trained)
    return _log_density(x, *inside) - _log_density(x, *outside)


def lira_shared(x: Numbers, refits: Numbers, trained: Bools) -> Numbers:
    """LiRA with one gain in likelihood for all units, which few refits tell better than a gain for each.

    With means m_in, m_out of a unit and one variance, the log-likelihood ratio is a multiple of x - (m_in + m_out) / 2.

    Args:
        x: (n,).
        refits: (M, n), in the units of `x`.
        trained: Whether a refit was trained on a unit, (M, n), both cases at least once.

    Returns:
        (n,) scores, which order units as their likelihood ratios do.
    """
    (inside, _), (outside, _) = _moments(refits, trained), _moments(refits, ~trained)
    return np.asarray((x - (inside + outside) / 2) * np.sign((inside - outside).mean()))


def lira_offline(x: Numbers, refits: Numbers, trained: Bools) -> Numbers:
    """How far above what refits without it say of a unit, in standard deviations.

    Offline LiRA (arXiv 2112.03570, equation 4), which orders units as its probability does: no refit needs to have been
    trained on the people who are asked about.

    Args:
        x: (n,).
        refits: (M, n), in the units of `x`.
        trained: Whether a refit was trained on a unit, (M, n), not all of them.

    Returns:
        (n,) scores.
    """
    mean, deviation = _moments(refits, ~trained)
    return (x - mean) / deviation


def logit(x: Numbers) -> Numbers:
    """The log-odds of probabilities given in nats, which are closer to normal (arXiv 2112.03570, figure 4)."""
    return np.asarray(x - np.log(-np.expm1(np.minimum(x, -1e-7))))


def _moments(values: Numbers, among: Bools) -> tuple[Numbers, float]:
    """The mean of each column over the rows it is `among`, (n,), and the deviation from it over all columns."""
    count = among.sum(axis=0)
    mean = (values * among).sum(axis=0) / count
    squares = ((values - mean) ** 2 * among).sum()
    degrees = (count - 1).sum()
    return mean, max(float(np.sqrt(squares / degrees)), SMALLEST_SPREAD)


def _log_density(x: Numbers, mean: Numbers, deviation: float) -> Numbers:
    """The log-density of a normal distribution, but for a constant."""
    return np.asarray(-0.5 * ((x - mean) / deviation) ** 2 - np.log(deviation))


def _log_mean_exp(values: Numbers) -> Numbers:
    return np.asarray(np.logaddexp.reduce(values, axis=0) - np.log(len(values)))
