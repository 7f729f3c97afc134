"""Minimisation of smooth objectives of few parameters: L-BFGS over all the data at once, without randomness."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def minimise(
    objective: Callable[[], Tensor], parameters: Sequence[Tensor], *, tolerance: float = 1e-9, steps: int = 500
) -> None:
    """Minimise an objective in place. No step raises it.

    Stops when a step gains no more than `tolerance`, when no element of the gradient exceeds it, or after `steps`.

    Args:
        objective: Computes the value from the parameters.
        parameters: Tensors that require a gradient.
        tolerance: The smallest gain, and the smallest gradient, that are worth a step.
        steps: The most iterations.
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
