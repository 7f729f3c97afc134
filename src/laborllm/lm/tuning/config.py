"""How a base model is fine-tuned. A plain record, which needs no torch."""

from dataclasses import dataclass
from typing import Any, Literal, Self

from laborllm.errors import OptionError
from laborllm.runtime import TRAINING_TOKENS
from laborllm.training.config import TrainingConfig

Overflow = Literal["error", "truncate"]
TitleTokens = Literal["spelled", "own"]

PRESETS: dict[str, dict[str, Any]] = {
    "small": {},
    "paper": {"method": "full", "epochs": 3, "batch_size": 32},
    "head": {"batch_size": 4, "learning_rate": 1e-3, "text_weight": 0.0},
}
"""What differs from the defaults: `small` is for few careers, `paper` is LABOR-LLM's (arXiv 2406.17972), `head` is for
a head over the titles."""
RATES = {"lora": 2e-3, "full": 1e-5}


@dataclass(frozen=True)
class TuningConfig(TrainingConfig):
    """How to fine-tune a base model; what is not described here is described in `TrainingConfig`.

    Attributes:
        learning_rate: The highest learning rate, reached after the warm-up; default: 2e-3 for an adapter, and 1e-5 for
            all weights as in LABOR-LLM.
        method: Train a low-rank adapter on every linear layer (arXiv 2106.09685), or all weights.
        lora_rank: Rank of the adapter.
        text_weight: Weight in the loss of every token that is in no title: 1 is the loss over the whole text of
            LABOR-LLM, 0 the loss over titles only.
        pack_tokens: Tokens in one forward pass, a matter of memory and speed only: halved while memory does not hold
            it; default: 1,024 on a CPU and 16,384 on a GPU.
        recompute: Activation checkpointing: compute activations again in the backward pass, which takes longer and far
            less memory.
        overflow: What to do with a career that is longer than the base model's context: an `error`, or `truncate` its
            oldest records.

    Raises:
        OptionError: A value that is out of its range.

    Examples:
        >>> TuningConfig.preset("paper", epochs=1).learning_rate
        1e-05
    """

    epochs: int = 1
    batch_size: int = 2
    learning_rate: float = None  # type: ignore[assignment]  # a float from here on: by default the method's
    method: Literal["lora", "full"] = "lora"
    lora_rank: int = 16
    text_weight: float = 1.0
    pack_tokens: int | None = None
    recompute: bool = False
    overflow: Overflow = "error"

    def __post_init__(self) -> None:
        if self.method not in RATES:
            raise OptionError(f"unknown method {self.method!r}: use lora or full")
        if self.learning_rate is None:
            object.__setattr__(self, "learning_rate", RATES[self.method])
        super().__post_init__()
        for name in ("lora_rank", "pack_tokens"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise OptionError(f"{name.replace('_', '-')} must be above zero, not {getattr(self, name)}")
        if self.overflow not in ("error", "truncate"):
            raise OptionError(f"unknown overflow {self.overflow!r}: use error or truncate")
        if not 0 <= self.text_weight <= 1:
            raise OptionError(f"text-weight is a weight between 0 and 1, not {self.text_weight}")

    @classmethod
    def preset(cls, name: str, **options: Any) -> Self:
        """A preset with some options of one's own.

        Args:
            name: Of the preset, one of `PRESETS`.
            options: Fields that differ from it.

        Returns:
            The configuration.

        Raises:
            OptionError: An unknown preset, or a value out of its range.

        Examples:
            >>> import laborllm as ll
            >>> ll.TuningConfig.preset("paper", epochs=1).learning_rate
            1e-05
        """
        if name not in PRESETS:
            raise OptionError(f"unknown preset {name!r}: use {', '.join(PRESETS)}")
        return cls(**PRESETS[name] | options)

    def tokens_in_a_pass(self, device_type: str) -> int:
        """The most tokens in one forward pass.

        Args:
            device_type: `cpu` or `cuda`.

        Returns:
            `pack_tokens`, or what is usual on such a device.

        Examples:
            >>> import laborllm as ll
            >>> ll.TuningConfig().tokens_in_a_pass("cpu")
            1024
        """
        return self.pack_tokens or TRAINING_TOKENS[device_type]
