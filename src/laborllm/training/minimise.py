"""Smooth objectives of few parameters, to the bottom: L-BFGS over all the data at once, without chance."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def minimise(
    objective: Callable[[], Tensor], parameters: Sequence[Tensor], *, tolerance: float = 1e-9, steps: int = 500
) -> None:
    """Lower `objective` in place of its `parameters`, which require a gradient, until a step gains no more than
    `tolerance`, no entry of the gradient exceeds it, or after so many `steps`. None goes up."""
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
