"""The steps of AdamW, whose weights decay to zero or to where they began (L2-SP, arXiv 1802.01483)."""

from collections.abc import Mapping

import torch
from torch import nn

from laborllm.training.config import TrainingConfig


class Descent:
    """Takes steps of AdamW along gradients.

    Args:
        parameters: What is trained, with the initial weights, by name.
        config: The learning rate, the decay and the largest gradient.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], config: TrainingConfig) -> None:
        self._parameters, self._config = list(parameters.values()), config
        self.optimizer = torch.optim.AdamW(
            self._parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        to_initial = config.decay_to == "initial" and config.weight_decay > 0
        self._initial = [parameter.detach().clone() for parameter in self._parameters] if to_initial else []

    def step(self, factor: float) -> float:
        """Take a step along the gradient, clipped, and forget the gradient.

        Args:
            factor: Share of the peak learning rate.

        Returns:
            The learning rate.
        """
        rate = self._config.learning_rate * factor
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        torch.nn.utils.clip_grad_norm_(self._parameters, self._config.clip)
        self.optimizer.step()
        with torch.no_grad():  # AdamW takes rate * decay * w off: with this, w - rate * decay * (w - initial)
            for parameter, initial in zip(self._parameters, self._initial, strict=False):
                parameter.add_(initial, alpha=rate * self._config.weight_decay)
        self.optimizer.zero_grad(set_to_none=True)
        return rate
