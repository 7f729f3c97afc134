"""Numbers of a run folder that no forecast can be made from."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from laborllm.errors import RunError


def require_finite(file: Path, weights: Mapping[str, ArrayLike]) -> None:
    """Refuse weights that are not numbers, or infinite: what is drawn from them looks like any other forecast.

    Args:
        file: Where they are from, for the error.
        weights: Name of each -> its numbers.

    Raises:
        RunError: One is not finite.
    """
    for name, numbers in weights.items():
        if not np.isfinite(np.asarray(numbers)).all():
            raise RunError(f"{file} holds numbers that are not finite, in {name}: it is torn, or the fit diverged")
