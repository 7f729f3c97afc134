"""How each sequence model trains unless told otherwise. Plain records, which the command line shows without torch.

Chosen on the validation split of NLSY97; docs/results/forecasts.md has what they come to.
"""

from dataclasses import dataclass

from laborllm.training.plan import Plan


@dataclass(frozen=True)
class LogitPlan(Plan):
    __doc__ = Plan.__doc__

    epochs: int = 4
    batch_size: int = 64
    learning_rate: float = 1e-2
    weight_decay: float = 0.1
    validate_every: int = 2048


@dataclass(frozen=True)
class BagOfJobsPlan(Plan):
    __doc__ = Plan.__doc__

    epochs: int = 6
    batch_size: int = 32
    learning_rate: float = 3e-3
    validate_every: int = 2048


@dataclass(frozen=True)
class NemoPlan(Plan):
    __doc__ = Plan.__doc__

    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 3e-3
    validate_every: int = 2048


@dataclass(frozen=True)
class CareerPlan(Plan):
    __doc__ = Plan.__doc__

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 4e-3
    weight_decay: float = 0.1
    validate_every: int = 2048
