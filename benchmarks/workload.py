"""What each trainer is to do, and what it took: plain records, which need no torch."""

from dataclasses import dataclass
from typing import Literal

from laborllm.errors import OptionError

Trainer = Literal["laborllm", "laborllm-closed", "sft", "sft-packed", "sft-single"]
Method = Literal["lora", "full"]
RATES: dict[Method, float] = {"lora": 1e-3, "full": 5e-5}


@dataclass(frozen=True)
class Workload:
    """Fine-tune `base` on `careers` synthetic careers, once, at a constant learning rate.

    batch_size: careers in a step. held_out: how many other careers tell the loss before and after.
    """

    base: str
    method: Method = "lora"
    careers: int = 8
    batch_size: int = 8
    held_out: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("careers", "batch_size", "held_out"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name.replace('_', '-')} must be at least 1, not {getattr(self, name)}")

    @property
    def learning_rate(self) -> float:
        return RATES[self.method]


@dataclass(frozen=True)
class TrainerResult:
    """What one trainer took.

    seconds: of all steps, loading left out; of the processor where one thread does everything. tokens: of the careers,
    padding left out. flops_per_token: what its loss and gradient need, nothing computed twice. memory: peak in bytes,
    of the process or of its GPU. loss: on the careers held out, in nats per token.
    """

    steps: int
    seconds: float
    tokens: int
    flops_per_token: int
    memory: int
    loss_before: float
    loss: float
