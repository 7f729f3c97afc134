"""Numbers of a run folder that no forecast can be made from."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from laborllm.errors import RunError


def require_finite(
    file: Path, weights: Mapping[str, ArrayLike], *, whole: Collection[str] = (), positive: Collection[str] = ()
) -> None:
    """Refuse weights that are no numbers, or infinite: what is drawn from them looks like any other forecast.

    Args:
        file: Where they are from, for the error.
        weights: Name of each -> its numbers.
        whole: Names of those that a fit writes as whole numbers: to read others from such would round them.
        positive: Names of those that are above zero, such as standard deviations.

    Raises:
        RunError: One is not finite, of another type, or not positive.
    """
    for name, given in weights.items():
        numbers = np.asarray(given)
        if numbers.dtype.kind != ("i" if name in whole else "f"):
            raise RunError(f"{file} holds numbers of type {numbers.dtype}, which no fit writes, in {name}")
        if not np.isfinite(numbers).all():
            raise RunError(f"{file} holds numbers that are not finite, in {name}: it is torn, or the fit diverged")
        if name in positive and not (numbers > 0).all():
            raise RunError(f"{file} holds numbers that are not above zero, in {name}, which no fit writes")
