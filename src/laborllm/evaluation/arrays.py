"""The array types of an evaluation: columns or counts of records, and masks over them."""

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]
