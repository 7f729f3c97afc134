"""The array types of an evaluation: numbers, columns or counts, and masks over records."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Numbers = NDArray[np.float64]
Indices = NDArray[np.signedinteger]
Bools = NDArray[np.bool_]


def compact(numbers: Indices) -> Indices:
    """Numbers, each -1 or more, in the smallest type that holds them."""
    largest = int(numbers.max(initial=0))
    kind = next(kind for kind in (np.int8, np.int16, np.int32, np.int64) if largest <= np.iinfo(kind).max)
    return numbers.astype(kind)
