"""Features on one scale, so that one penalty is fair to all of them."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Standard:
    """Means and standard deviations that features are centred and scaled by.

    Attributes:
        mean: Of the known values of each feature where it was learnt, (F,).
        deviation: Their standard deviation, (F,); one for a constant.
    """

    mean: Floats
    deviation: Floats

    @classmethod
    def of(cls, features: Floats) -> Self:
        """Means and deviations of features, (n, F), in which a missing value is NaN."""
        known = np.ma.masked_invalid(features)
        deviation = known.std(axis=0).filled(1)
        return cls(known.mean(axis=0).filled(0), np.where(deviation > 0, deviation, 1))

    def apply(self, features: Floats) -> Floats:
        """Centre and scale features, (n, F); what is missing becomes the mean, which is zero."""
        return np.nan_to_num((features - self.mean) / self.deviation)
