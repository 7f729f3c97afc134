"""Where a training stands: its numbers, and the tensors that a checkpoint holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from laborllm.training.curve import CurvePoint

OPTIMIZER = "optimizer/"
STEPS = "step"  # what AdamW counts for each tensor: a single number


@dataclass
class State:
    """Progress of a training: steps, careers, tokens, seconds and processor seconds so far, nats and weight since the
    last validation."""

    step: int = 0
    careers: int = 0
    tokens: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0
    nats: float = 0.0
    weight: float = 0.0
    curve: list[CurvePoint] = field(default_factory=list)

    @classmethod
    def from_json(cls, read: dict[str, Any]) -> Self:
        """The state that a checkpoint holds."""
        return cls(**read | {"curve": [CurvePoint(**point) for point in read["curve"]]})


def tensors_of(
    parameters: Mapping[str, nn.Parameter],
    best: Mapping[str, Tensor],
    average: Mapping[str, Tensor],
    optimizer: Optimizer,
) -> dict[str, Tensor]:
    """All tensors of a training, under names that say what each is.

    Args:
        parameters: What is trained.
        best: The weights of the lowest validation perplexity.
        average: The averaged weights, if there are some.
        optimizer: Its state is taken along.

    Returns:
        The tensors themselves, not copies.
    """
    state = {
        f"{OPTIMIZER}{kind}/{name}": tensor
        for name, parameter in parameters.items()
        for kind, tensor in optimizer.state[parameter].items()
    }
    weights = {f"weights/{name}": parameter.detach() for name, parameter in parameters.items()}
    stored = {f"best/{name}": tensor.detach() for name, tensor in best.items()}
    return weights | stored | {f"average/{name}": tensor for name, tensor in average.items()} | state


def prepare_optimizer(optimizer: Optimizer, parameters: Mapping[str, nn.Parameter], names: Iterable[str]) -> None:
    """Give an optimiser that has taken no step the tensors of a checkpoint, to be filled.

    Args:
        optimizer: AdamW.
        parameters: What is trained.
        names: Of the tensors in the checkpoint.
    """
    for kind, name in (key.removeprefix(OPTIMIZER).split("/", 1) for key in names if key.startswith(OPTIMIZER)):
        parameter = parameters[name]
        number = torch.zeros((), device=parameter.device)
        optimizer.state[parameter][kind] = number if kind == STEPS else torch.empty_like(parameter)
