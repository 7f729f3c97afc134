"""What-if: people whose record says one thing, compared with the same people if it said another.

Both arms draw with the same random numbers, so the difference has little noise. It is a difference between people with
different records, not an effect of changing a record.
"""

from pathlib import Path

import numpy as np
from torch import Tensor

from laborllm.errors import PanelError
from laborllm.forecasting.simulation.result import Difference
from laborllm.forecasting.simulation.walk import mean_and_error, origins_of, portions, undrawn, walk
from laborllm.models.contract import Forecaster
from laborllm.models.registry import as_forecaster
from laborllm.models.runs.run_folder import FitRecord
from laborllm.models.runs.seen import CATEGORIES, may_know, never_saw
from laborllm.models.taxonomies import as_read
from laborllm.panel import Panel
from laborllm.progress import progress


def what_if(
    model: str | Path | Forecaster, panel: Panel, other: Panel, *, draws: int = 1000, seed: int = 0
) -> Difference:
    """Simulate two versions of the same careers with common random numbers.

    Args:
        model: Any fitted model, or its run folder.
        panel: Careers with K open records each.
        other: The same workers and open years; covariates, or what was observed, may differ.
        draws: Paths of each worker in each version.
        seed: Seed of the draws.

    Returns:
        The paired difference, `other` minus `panel`.

    Raises:
        PanelError: The versions have other workers or other open years, or `other` has a value of a covariate that the
            model never saw, or differs in a covariate that it does not read.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> fitted = ll.fit("transition", panel)
        >>> opened = panel.open(years=[2025])
        >>> bankers = ll.if_records_said(opened, last_occupation="95")
        >>> bool(ll.what_if(fitted, opened, bankers, draws=10).probability.any())
        True
    """
    fitted = as_forecaster(model)
    panel, other = as_read(fitted, panel), as_read(fitted, other)
    origins, years = origins_of(panel)
    others, other_years = origins_of(other)
    if origins["worker"].to_list() != others["worker"].to_list() or not np.array_equal(years, other_years):
        raise PanelError("the two versions of a what-if have other workers, or other years to forecast")
    _require_seen(fitted, panel, other)
    shape = (*years.shape, len(panel.taxonomy))
    first, probability, error = (np.zeros(shape, np.float32) for _ in range(3))
    arms_of = (portions(fitted, version, draws) for version in (panel, other))
    with progress("what-if", years.size, "worker-years") as advance:
        for (rows, one), (_, two) in zip(*arms_of, strict=True):
            arms = zip(walk(fitted, one, draws, seed=seed), walk(fitted, two, draws, seed=seed), strict=True)
            missed: Tensor | float = 0.0
            for year, ((before, drawn), (after, other_drawn)) in enumerate(arms):
                first[rows, year] = before.mean(dim=1).cpu()
                probability[rows, year], error[rows, year] = mean_and_error(after - before, missed)
                missed = (undrawn(after, other_drawn) - undrawn(before, drawn)).abs()
                advance(one.workers)
    return Difference(origins, years, panel.taxonomy, first, probability, error)


def _require_seen(model: Forecaster, panel: Panel, other: Panel) -> None:
    """Raise `PanelError` if a worker has a value in the second version that the model never saw, and not in the first,
    or a covariate differs that it does not read: all differences would be zero, which says nothing of such people."""
    record = getattr(model, "record", None)
    if not isinstance(record, FitRecord):
        return
    for covariate in CATEGORIES:
        if covariate not in record.seen and not other.records[covariate].equals(panel.records[covariate]):
            raise PanelError(f"the model does not read {covariate}: what it forecasts is the same whatever it says")
        said, before = (version.records.select("worker", covariate).unique() for version in (other, panel))
        new = said.drop_nulls().join(before, on=["worker", covariate], how="anti")[covariate]
        for value in sorted(new.unique()):
            if not may_know(record.seen, covariate, value):
                raise PanelError(never_saw(record.seen, covariate, value))
