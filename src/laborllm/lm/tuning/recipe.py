"""How to fine-tune: a plain record of choices, so that the command line can show them without loading a model."""

from dataclasses import dataclass, fields
from typing import Any, Literal

from laborllm.errors import OptionError
from laborllm.lm.pass_sizes import TRAINING_TOKENS
from laborllm.training.plan import Decay, Plan

LongCareers = Literal["refuse", "shorten"]
TitleTokens = Literal["spelled", "own"]

PRESETS: dict[str, dict[str, Any]] = {
    "small": {"method": "lora", "epochs": 1, "batch_size": 2},
    "paper": {"method": "full", "epochs": 3, "batch_size": 32},
    "head": {"method": "lora", "epochs": 1, "batch_size": 4, "learning_rate": 1e-3},
}
Preset = Literal["small", "paper", "head"]
RATES = {"lora": 2e-3, "full": 1e-5}


@dataclass(frozen=True)
class Recipe:
    """How to fine-tune; the command line makes an option of each attribute.

    Attributes:
        preset: What holds where nothing else is said. `small`, for few careers: an adapter, one epoch, batches of 2.
            `paper`, that of LABOR-LLM: all weights, three epochs, batches of 32. `head`, for a head over the titles:
            an adapter, one epoch, batches of 4, a rate of 1e-3.
        method: Train a low-rank adapter on every linear layer (arXiv 2106.09685), or all weights.
        epochs: Passes over the training careers.
        batch_size: Careers per optimiser step; the loss is the mean over the tokens of a batch.
        learning_rate: The highest, reached after the warm-up. Unless given, 2e-3 for an adapter, and 1e-5 for all
            weights as in LABOR-LLM.
        warmup: Share of the steps over which the learning rate rises linearly.
        decay: How the learning rate falls after that: in a line or a cosine to zero, with the root of the steps, or not
            at all.
        weight_decay: Of AdamW.
        clip: Largest norm of the gradient.
        lora_rank: Rank of the adapter.
        text_weight: Weight in the loss of every token that is in no title: 1 is the loss over the whole text of
            LABOR-LLM, 0 that over titles alone.
        pack_tokens: Tokens in one forward pass, a matter of memory and speed only: halved while memory does not hold
            it. Unless given, 1,024 on a CPU and 16,384 on a GPU.
        recompute: Compute activations anew in the backward pass, which takes longer and far less memory.
        long_careers: What to do with a career that is longer than the base model reads: refuse it, or leave out its
            oldest records.
        validate_every: Careers between two looks at the validation split; the best weights seen are kept, and a
            checkpoint is written.
        patience: Looks without a new best after which training stops; unless given, it goes on to the end.
        shard: With several processes (torchrun), share out weights, gradients and the state of AdamW among them, for a
            model that is too large for one device to train.
    """

    preset: Preset = "small"
    method: Literal["lora", "full"] | None = None
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    warmup: float = 0.05
    decay: Decay = "linear"
    weight_decay: float = 0.0
    clip: float = 1.0
    lora_rank: int = 16
    text_weight: float = 1.0
    pack_tokens: int | None = None
    recompute: bool = False
    long_careers: LongCareers = "refuse"
    validate_every: int = 256
    patience: int | None = None
    shard: bool = False

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise OptionError(f"unknown preset {self.preset!r}: use {', '.join(PRESETS)}")
        for name, value in PRESETS[self.preset].items():
            self._fill(name, value)
        if self.method not in RATES:
            raise OptionError(f"unknown method {self.method!r}: use lora or full")
        self._fill("learning_rate", RATES[self.method])
        for name in ("lora_rank", "pack_tokens"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise OptionError(f"{name.replace('_', '-')} must be above zero, not {getattr(self, name)}")
        if not 0 <= self.text_weight <= 1:
            raise OptionError(f"text-weight is a weight between 0 and 1, not {self.text_weight}")
        _ = self.plan  # which checks the rest

    @property
    def plan(self) -> Plan:
        """What of it concerns the training loop."""
        return Plan(**{field.name: getattr(self, field.name) for field in fields(Plan)})

    def tokens_in_a_pass(self, device_type: str) -> int:
        """The most tokens in one forward pass on a device of this type, `cpu` or `cuda`."""
        return self.pack_tokens or TRAINING_TOKENS[device_type]

    def _fill(self, name: str, value: object) -> None:
        if getattr(self, name) is None:
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class HeadRecipe(Recipe):
    """The same for a head over the titles, with other defaults: what the text says beside them is left alone."""

    preset: Preset = "head"
    text_weight: float = 0.0
