"""Minimisation of smooth objectives of few parameters: L-BFGS over all the data at once, without randomness."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def minimise(
    objective: Callable[[], Tensor], parameters: Sequence[Tensor], *, tolerance: float = 1e-9, steps: int = 500
) -> None:
    """Minimise `objective` over `parameters`, which require a gradient, in place.

    Stops when a step gains no more than `tolerance`, when no element of the gradient exceeds it, or after `steps`
    iterations. No step raises the objective.
    """
    optimizer = torch.optim.LBFGS(
        parameters,
        max_iter=steps,
        tolerance_grad=tolerance,
        tolerance_change=tolerance,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = objective()
        value.backward()
        return value

    optimizer.step(closure)
