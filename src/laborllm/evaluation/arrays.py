"""The array types of an evaluation: numbers, columns or counts, and masks over records."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Numbers = NDArray[np.float64]
Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]
