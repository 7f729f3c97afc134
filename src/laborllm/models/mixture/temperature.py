"""A temperature: forecasts that are too sure, or not sure enough, flattened or sharpened by one number.

With temperature T a forecast P becomes P_T(k) = P(k)^(1/T) / sum_l P(l)^(1/T). The mean log-likelihood of what was
observed is concave in 1/T, so its derivative falls, and bisection finds its root.
"""

import numpy as np
from torch import Tensor

from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.paths import Paths

RANGE = (0.1, 10.0)  # of the temperature
PRECISION = 1e-6
LEAST = -300.0  # log-probability of what cannot be: minus infinity has no mean


def best_temperature(forecast: Forecast) -> float:
    """The temperature, within `RANGE`, under which what was observed is most likely.

    Args:
        forecast: Of records whose occupations were observed.

    Returns:
        T; 1 leaves the forecast as it is.
    """
    log_prob = np.maximum(forecast.log_prob.astype(np.float64), LEAST)
    of_observed = log_prob[np.arange(len(log_prob)), forecast.observed].mean()

    def slope(inverse: float) -> float:
        """The derivative of the mean log-likelihood in 1/T."""
        expected = (np.exp(tempered(log_prob, 1 / inverse)) * log_prob).sum(axis=1).mean()
        return float(of_observed - expected)

    low, high = 1 / RANGE[1], 1 / RANGE[0]
    while high - low > PRECISION * low:
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return 2 / (low + high)


def tempered(log_prob: Floats, temperature: float) -> Floats:
    """Log-probabilities at a temperature.

    Args:
        log_prob: At temperature 1, (n, J).
        temperature: T.

    Returns:
        (n, J), each row of which adds up to one again.
    """
    scaled = log_prob / temperature
    return np.asarray(scaled - np.logaddexp.reduce(scaled, axis=1, keepdims=True), dtype=log_prob.dtype)


class TemperedPaths:
    """Paths at a temperature.

    Args:
        paths: Paths at temperature 1.
        temperature: T.
    """

    def __init__(self, paths: Paths, temperature: float) -> None:
        self._paths, self._temperature = paths, temperature

    def probability(self) -> Tensor:
        """The distribution of the next open record, (W, D, J), or (W, 1, J) before the first record is closed."""
        scaled = self._paths.probability().double() ** (1 / self._temperature)
        return scaled / scaled.sum(dim=-1, keepdim=True)

    def append(self, occupation: Tensor) -> None:
        """Close the next open record of every path."""
        self._paths.append(occupation)
