"""Fine-tuning a text model on career texts: next-token loss over every token, as in LABOR-LLM (arXiv 2406.17972), or
over titles first of all.

Careers are packed without padding; each attends to itself only, so the loss of a pack is the sum over its careers.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from laborllm.errors import CapacityError, OptionError, PanelError
from laborllm.lm.base.load import BaseModel
from laborllm.lm.base.weights import Adapter, add_adapter, merge_adapter, without_foreign_warnings
from laborllm.lm.forward.decoder import Decoder
from laborllm.lm.forward.loglikelihood import title_perplexity
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.kernels.fused import fused_layers
from laborllm.lm.kernels.loss import next_token_loss
from laborllm.lm.kernels.precision import cached_casts
from laborllm.lm.tokens.encoding import EncodedCareer
from laborllm.lm.tokens.packing import TrainingTexts
from laborllm.lm.tokens.store import grouped
from laborllm.lm.tuning.config import TuningConfig
from laborllm.runtime import is_out_of_memory, seeded
from laborllm.training.checkpoint import Checkpoints
from laborllm.training.curve import CurvePoint
from laborllm.training.loop import train
from laborllm.training.task import Task


def finetune(
    model: TextModel,
    training: Sequence[EncodedCareer],
    valid: Sequence[EncodedCareer],
    config: TuningConfig,
    *,
    seed: int,
    checkpoints: Checkpoints | None = None,
) -> tuple[list[CurvePoint], Adapter | None]:
    """Train `model` in place on career texts.

    Args:
        model: The text model, whose base model holds the best weights afterwards, an adapter merged into them.
        training: Careers to train on, as tokens; a store of them is read as it is needed.
        valid: Validation careers, whose observed titles give the perplexity that chooses the weights.
        config: How to train.
        seed: Decides the order of careers and all that is random.
        checkpoints: Where training is saved, and resumes from.

    Returns:
        The learning curve, and the adapter, None if all weights were trained.

    Raises:
        PanelError: A split is empty.
        RunError: The loss or the validation perplexity is not finite.
        CapacityError: Memory does not hold the smallest pass.
    """
    if not training or not valid:
        raise PanelError("fine-tuning needs at least one career in split train and one in split valid")
    task = CareerTexts(
        training=grouped(training),
        pack_tokens=config.tokens_in_a_pass(model.decoder.device.type),
        model=model,
        valid=valid,
        text_weight=config.text_weight,
    )
    with seeded(seed):
        return tune(model.base, task, config, seed=seed, checkpoints=checkpoints)


def tune(
    base: BaseModel, task: Task, config: TuningConfig, *, seed: int, checkpoints: Checkpoints | None
) -> tuple[list[CurvePoint], Adapter | None]:
    """Train the base model of any task in place.

    Args:
        base: The base model.
        task: What is trained, on what, and judged by what.
        config: How to train.
        seed: Decides the order of careers and all that is random.
        checkpoints: Where training is saved, and resumes from.

    Returns:
        The learning curve, and the adapter, None if all weights were trained.

    Raises:
        CapacityError: Memory does not hold the smallest pass.
        RunError: Training that cannot continue.
    """
    model = base.model
    peft_model = add_adapter(model, config.lora_rank, base.own_tokens) if config.method == "lora" else None
    if peft_model is None:
        model.requires_grad_(True)
    casts = nullcontext() if config.shard else cached_casts()
    with (
        casts,
        fused_layers(model),
        activation_checkpointing(model, config),
        explaining_memory(config, model.device.type),
    ):
        curve = train(task, config, seed=seed, checkpoints=checkpoints, shards=base.shards)
    model.requires_grad_(False)
    return curve, None if peft_model is None else merge_adapter(peft_model)


@dataclass
class CareerTexts(TrainingTexts[EncodedCareer]):
    """Next-token prediction on career texts, as a training task.

    Attributes:
        model: The text model to train.
        valid: Validation careers.
        text_weight: Weight of each token that is in no title.
    """

    model: TextModel
    valid: Sequence[EncodedCareer]
    text_weight: float
    name: str = "fine-tune"

    @property
    def module(self) -> PreTrainedModel:
        """The weights to train."""
        return self.model.base.model

    def loss(self, batch: Sequence[int]) -> Iterator[tuple[Tensor, float]]:
        """Pass by pass; the weight of a career is the importance of its tokens."""
        for texts in self.passes(batch):
            weight = sum(sum(token_importance(text, self.text_weight)) for text in texts)
            yield pack_loss(self.model.decoder, texts, text_weight=self.text_weight), weight

    def perplexity(self) -> float:
        """Raw perplexity of the observed titles of the validation careers."""
        return title_perplexity(self.model, self.valid)


def token_importance(career: EncodedCareer, text_weight: float, title_weight: float = 1.0) -> list[float]:
    """The weight of each token of a career in the loss.

    Args:
        career: The career as tokens, (n,).
        text_weight: Of tokens in no title.
        title_weight: Of tokens in a title.

    Returns:
        (n,); zero for the first token, which nothing predicts, and for what is learnt from another window of the
        career.
    """
    importance = [text_weight] * len(career.tokens)
    for start, end in zip(career.starts, career.ends, strict=True):
        importance[start:end] = [title_weight] * (end - start)
    return [0.0] * career.learnt_from + importance[career.learnt_from :]


def pack_loss(decoder: Decoder, careers: Sequence[EncodedCareer], *, text_weight: float = 1.0) -> Tensor:
    """Next-token loss over packed careers, summed with the weights of `token_importance`.

    Args:
        decoder: The language model.
        careers: Careers as tokens.
        text_weight: Weight of each token that is in no title.

    Returns:
        A scalar in nats.
    """
    with decoder.precision():
        hidden, _ = decoder.forward_packed(careers)
        importance = [weight for career in careers for weight in token_importance(career, text_weight)]
        return token_loss(decoder, hidden, careers, importance)


def token_loss(
    decoder: Decoder, hidden: Tensor, careers: Sequence[EncodedCareer], importance: Sequence[float]
) -> Tensor:
    """Next-token loss from the hidden states of packed careers.

    Args:
        decoder: The language model.
        hidden: Last hidden states, (n, d).
        careers: The careers as tokens, n together.
        importance: Weight of each token, (n,).

    Returns:
        The weighted sum, a scalar in nats.
    """
    weights = torch.tensor(importance, device=hidden.device)
    tokens = torch.tensor([token for career in careers for token in career.tokens], device=hidden.device)
    targets = weights.nonzero()[:, 0]  # never the first token, so its own career precedes it
    columns = decoder.columns(tokens[targets])
    return next_token_loss(hidden[targets - 1], *decoder.output_layer(), columns, weights[targets])


@contextmanager
def activation_checkpointing(model: PreTrainedModel, config: TuningConfig) -> Iterator[None]:
    """Recompute activations in the backward pass instead of storing them, if the config says so.

    Known as gradient checkpointing too.

    Raises:
        OptionError: The model does not support it.
    """
    if not config.recompute:
        yield
        return
    if not model.supports_gradient_checkpointing:
        raise OptionError(f"{type(model).__name__} has no activation checkpointing", hint="leave out --recompute")
    with without_foreign_warnings():
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    yield
    with without_foreign_warnings():
        model.gradient_checkpointing_disable()


@contextmanager
def explaining_memory(config: TuningConfig, device_type: str) -> Iterator[None]:
    """Turn a lack of memory for the smallest pass into one line that says what to do.

    Raises:
        CapacityError: Memory did not hold a pass.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        remedies = {
            f"lower --pack-tokens (it is {config.tokens_in_a_pass(device_type)})": config.shard,
            "set --recompute": not config.recompute,
            "train an adapter (--method lora)": config.method == "full",
            "take a smaller base model": True,
        }
        applicable = " or ".join(remedy for remedy, applies in remedies.items() if applies)
        raise CapacityError("memory does not hold a pass of training", hint=applicable) from error
