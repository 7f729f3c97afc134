"""How to fine-tune: a plain record of choices, so that the command line can show them without loading a model."""

from dataclasses import dataclass
from typing import Literal

from laborllm.errors import ModelError
from laborllm.training.plan import Plan


@dataclass(frozen=True)
class Recipe:
    """How to fine-tune; the command line makes an option of each attribute.

    Attributes:
        method: Train a low-rank adapter on every linear layer (arXiv 2106.09685), or all weights.
        epochs: Passes over the training careers.
        batch_size: Careers per optimiser step; the loss is the mean over the tokens of a batch.
        learning_rate: The highest; it rises linearly over the warm-up, then falls linearly to zero. Unless given, 2e-3
            for an adapter, and 1e-5 for all weights as in LABOR-LLM.
        warmup: Share of the steps over which the learning rate rises.
        weight_decay: Of AdamW.
        clip: Largest norm of the gradient.
        lora_rank: Rank of the adapter.
        text_weight: Weight in the loss of every token that is in no title: 1 is the loss over the whole text of
            LABOR-LLM, 0 that over titles alone.
        pack_tokens: Tokens in one forward pass, a matter of memory and speed only.
        validate_every: Careers between two looks at the validation split; the best weights seen are kept.
    """

    method: Literal["lora", "full"] = "lora"
    epochs: int = 1
    batch_size: int = 2
    learning_rate: float | None = None
    warmup: float = 0.05
    weight_decay: float = 0.0
    clip: float = 1.0
    lora_rank: int = 16
    text_weight: float = 1.0
    pack_tokens: int = 1024
    validate_every: int = 256

    def __post_init__(self) -> None:
        if self.method not in ("lora", "full"):
            raise ModelError(f"unknown method {self.method!r}: use lora or full")
        for name in ("lora_rank", "pack_tokens"):
            if not getattr(self, name) > 0:
                raise ModelError(f"{name.replace('_', '-')} must be above zero, not {getattr(self, name)}")
        if not 0 <= self.text_weight <= 1:
            raise ModelError(f"text-weight is a weight between 0 and 1, not {self.text_weight}")
        _ = self.plan  # which checks the rest

    @property
    def plan(self) -> Plan:
        """What of it concerns the training loop."""
        return Plan(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.peak_rate,
            warmup=self.warmup,
            weight_decay=self.weight_decay,
            clip=self.clip,
            validate_every=self.validate_every,
        )

    @property
    def peak_rate(self) -> float:
        """The learning rate after the warm-up."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 2e-3 if self.method == "lora" else 1e-5
