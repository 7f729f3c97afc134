"""How long, how fast and in what portions to train: a plain record, which needs no torch."""

from dataclasses import dataclass
from typing import Literal, get_args

from laborllm.errors import OptionError

Decay = Literal["linear", "cosine", "inverse-sqrt", "constant"]
DECAYS: tuple[Decay, ...] = get_args(Decay)


@dataclass(frozen=True)
class Plan:
    """How to train with AdamW.

    Attributes:
        epochs: Passes over the training careers.
        batch_size: Careers per step of the optimiser.
        learning_rate: The highest, reached after the warm-up.
        warmup: Share of the steps over which the rate rises linearly.
        decay: How the rate falls after the warm-up: `linear` or `cosine` to zero, `inverse-sqrt`, `constant`.
        weight_decay: Of AdamW.
        clip: Largest norm of the gradient.
        validate_every: Careers between two looks at the validation split; the best weights seen are kept.
        patience: Looks without a new best after which training stops; unless given, it goes on to the end.
        shard: Whether processes that train together share out weights, gradients and the state of AdamW.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    warmup: float = 0.05
    decay: Decay = "linear"
    weight_decay: float = 0.0
    clip: float = 1.0
    validate_every: int = 256
    patience: int | None = None
    shard: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate", "clip", "validate_every", "patience"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise OptionError(f"{name.replace('_', '-')} must be above zero, not {value}")
        if not 0 <= self.warmup <= 1:
            raise OptionError(f"warmup is a share of the steps between 0 and 1, not {self.warmup}")
        if self.decay not in DECAYS:
            raise OptionError(f"unknown decay {self.decay!r}: use {', '.join(DECAYS)}")
