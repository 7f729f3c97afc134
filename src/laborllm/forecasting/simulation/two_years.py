"""Two years ahead exactly: the law of total probability over the occupation of the year between.

    P(j in year 2) = sum over k of P(k in year 1) P(j in year 2 | k in year 1),

with all J intermediate occupations, which takes J forecasts a worker. It is the oracle of a simulation.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from laborllm.errors import PanelError
from laborllm.forecasting.simulation.walk import origins_of, portions
from laborllm.models.contract import Forecaster
from laborllm.models.paths import require_distributions
from laborllm.models.registry import as_forecaster
from laborllm.models.rescored import start_paths
from laborllm.models.taxonomies import as_read
from laborllm.panel import Panel
from laborllm.progress import progress


def two_years_ahead(model: str | Path | Forecaster, panel: Panel) -> NDArray[np.float64]:
    """The exact distribution of the second open record of every career.

    Args:
        model: Any fitted model, or its run folder.
        panel: Careers with two open records each.

    Returns:
        (W, J) probabilities, rows sum to one.

    Raises:
        PanelError: A career has another number of open records than two.
        RunError: The model gives what is no distribution.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> fitted = ll.fit("transition", panel)
        >>> exact = ll.two_years_ahead(fitted, panel.open(years=[2025, 2026]))
        >>> exact.shape == (50, len(panel.taxonomy))
        True
    """
    fitted = as_forecaster(model)
    panel = as_read(fitted, panel)
    _, years = origins_of(panel)
    if years.shape[1] != 2:
        raise PanelError(f"careers have {years.shape[1]} open records: two years ahead take exactly 2")
    occupations = len(panel.taxonomy)
    out = np.empty((len(years), occupations))
    with progress("forecast two years", len(years), "workers") as advance:
        for rows, careers in portions(fitted, panel, occupations):
            paths = start_paths(fitted, careers, occupations)
            first = require_distributions(paths.probability())[:, 0].double()  # (W, J)
            paths.append(torch.arange(occupations, device=first.device).expand(careers.workers, -1))
            second = require_distributions(paths.probability()).double()
            out[rows] = torch.einsum("wk,wkj->wj", first, second).cpu()
            advance(careers.workers)
    return out
