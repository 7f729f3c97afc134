"""How a model is trained: epochs, batches, the learning rate, validation. A plain record, which needs no torch."""

from dataclasses import dataclass
from typing import Literal, get_args

from laborllm.errors import OptionError

Decay = Literal["linear", "cosine", "inverse-sqrt", "constant"]
DecayTo = Literal["zero", "initial"]
LogTo = Literal["tensorboard", "trackio", "wandb"]
DECAYS: tuple[Decay, ...] = get_args(Decay)


@dataclass(frozen=True)
class TrainingConfig:
    """How to train with AdamW.

    Attributes:
        epochs: Passes over the training careers.
        batch_size: Careers per step of the optimiser.
        learning_rate: The highest learning rate, reached after the warm-up.
        warmup: Share of the steps over which the learning rate rises linearly.
        decay: How the learning rate falls after the warm-up: `linear` or `cosine` to zero, `inverse-sqrt`, `constant`.
        weight_decay: Weight decay of AdamW.
        decay_to: What weights decay to: `zero`, or their `initial` values, which keeps what pretrained weights know
            (L2-SP, arXiv 1802.01483).
        average: Share of all steps over which weights are averaged, from 0, no average, to 1; validation, and the
            weights that are kept, are then of the average.
        clip: Largest norm of the gradient.
        validate_every: Careers between two validation steps; the best weights are stored, and a checkpoint is
            written.
        early_stopping: Validation steps without a new best after which training stops; default: never.
        shard: With several processes (torchrun), shard weights, gradients and the state of AdamW among them (FSDP), for
            a model that is too large for one device to train.
        live_log: While training runs, show loss, validation perplexity, tokens a second and the share of the machine's
            peak: for TensorBoard in the folder RUN.log, or as a run of trackio or Weights & Biases; default: nowhere.

    Raises:
        OptionError: A value that is out of its range.

    Examples:
        >>> TrainingConfig(epochs=4, batch_size=64, learning_rate=1e-2).decay
        'linear'
    """

    epochs: int
    batch_size: int
    learning_rate: float
    warmup: float = 0.05
    decay: Decay = "linear"
    weight_decay: float = 0.0
    decay_to: DecayTo = "zero"
    average: float = 0.0
    clip: float = 1.0
    validate_every: int = 256
    early_stopping: int | None = None
    shard: bool = False
    live_log: LogTo | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate", "clip", "validate_every", "early_stopping"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise OptionError(f"{name.replace('_', '-')} must be above zero, not {value}")
        if not 0 <= self.warmup <= 1:
            raise OptionError(f"warmup is a share of the steps between 0 and 1, not {self.warmup}")
        if not 0 <= self.average <= 1:
            raise OptionError(f"average is a share of the steps between 0 and 1, not {self.average}")
        if self.decay_to not in get_args(DecayTo):
            raise OptionError(f"unknown decay-to {self.decay_to!r}: use {', '.join(get_args(DecayTo))}")
        if self.decay not in DECAYS:
            raise OptionError(f"unknown decay {self.decay!r}: use {', '.join(DECAYS)}")
        if self.live_log not in (None, *get_args(LogTo)):
            raise OptionError(f"unknown live-log {self.live_log!r}: use {', '.join(get_args(LogTo))}")
