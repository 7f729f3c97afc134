"""Averages of the weights over the last steps of a training, which forecast better than the weights of any one step.

With theta_t the weights after step t and h the horizon, the average follows

    a_t = a_{t-1} + (theta_t - a_{t-1}) / min(t, h):

the mean of all steps up to step h, then an exponential moving average. It starts at no bias, so it needs no correction.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """The moving average of some parameters.

    Args:
        parameters: By name; the average is of their shapes, and on their devices.
        horizon: Steps over which to average; none with 0, where the parameters stand for their average.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], horizon: int) -> None:
        self._parameters, self._horizon = parameters, horizon
        self.tensors = {name: p.detach().clone() for name, p in parameters.items()} if horizon else {}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the parameters after a step.

        Args:
            step: How many steps were taken, from 1.
        """
        for name, mean in self.tensors.items():
            weight = 1 / min(step, self._horizon)
            mean.mul_(1 - weight).add_(self._parameters[name], alpha=weight)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The parameters are their average inside, and what they were after."""
        before = {name: self._parameters[name].detach().clone() for name in self.tensors}
        self._fill(self.tensors)
        try:
            yield
        finally:
            self._fill(before)

    @torch.no_grad()
    def _fill(self, values: Mapping[str, Tensor]) -> None:
        for name, value in values.items():
            self._parameters[name].copy_(value)
