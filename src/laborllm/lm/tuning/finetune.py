"""Fine-tuning a base model on career texts: next-token loss over every token, as in LABOR-LLM (arXiv 2406.17972), or
over titles first of all.

Careers are packed end to end without padding; each attends to itself alone, so a pack gives the loss of its careers one
by one.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from laborllm.errors import CapacityError, OptionError, PanelError
from laborllm.lm.base.load import BaseModel
from laborllm.lm.base.weights import Adapter, add_adapter, merge_adapter, without_foreign_warnings
from laborllm.lm.forward.decoder import Reader
from laborllm.lm.kernels.fused import fused_layers
from laborllm.lm.kernels.loss import next_token_loss
from laborllm.lm.kernels.precision import rounded_once
from laborllm.lm.scoring.scorer import Scorer
from laborllm.lm.tokens.encoding import EncodedCareer, by_worker
from laborllm.lm.tokens.packing import TrainingTexts
from laborllm.lm.tuning.recipe import Recipe
from laborllm.training.checkpoint import Checkpoints
from laborllm.training.curve import CurvePoint
from laborllm.training.loop import train
from laborllm.training.memory import is_of_memory
from laborllm.training.task import Task


def finetune(
    scorer: Scorer,
    training: Sequence[EncodedCareer],
    valid: Sequence[EncodedCareer],
    recipe: Recipe,
    *,
    seed: int,
    checkpoints: Checkpoints | None = None,
) -> tuple[list[CurvePoint], Adapter | None]:
    """Train `scorer`'s model in place and return the learning curve, and the adapter, which is merged into the model.

    Raises `PanelError` on an empty split, `RunError` on a loss that is not finite, and `CapacityError` on a pack that
    memory does not hold.
    """
    if not training or not valid:
        raise PanelError("fine-tuning needs at least one career in split train and one in split valid")
    torch.manual_seed(seed)
    task = CareerTexts(
        training=by_worker(training),
        pack_tokens=recipe.tokens_in_a_pass(scorer.reader.device.type),
        scorer=scorer,
        valid=valid,
        text_weight=recipe.text_weight,
    )
    return tune(scorer.base, task, recipe, seed=seed, checkpoints=checkpoints)


def tune(
    base: BaseModel, task: Task, recipe: Recipe, *, seed: int, checkpoints: Checkpoints | None
) -> tuple[list[CurvePoint], Adapter | None]:
    """Train the base model of a task in place, as the recipe says; the same is returned and raised as above."""
    model = base.model
    adapted = add_adapter(model, recipe.lora_rank, base.own_tokens) if recipe.method == "lora" else None
    if adapted is None:
        model.requires_grad_(True)
    once = nullcontext() if recipe.shard else rounded_once()
    with once, fused_layers(model), recomputing(model, recipe), explaining_memory(recipe, model.device.type):
        curve = train(task, recipe.plan, seed=seed, checkpoints=checkpoints)
    model.requires_grad_(False)
    return curve, None if adapted is None else merge_adapter(adapted)


@dataclass
class CareerTexts(TrainingTexts[EncodedCareer]):
    """Careers as text, as a task of training: the model of `scorer`, the careers that watch it, and what a token in no
    title weighs."""

    scorer: Scorer
    valid: Sequence[EncodedCareer]
    text_weight: float
    name: str = "fine-tune"

    @property
    def module(self) -> PreTrainedModel:
        return self.scorer.base.model

    def loss(self, batch: Sequence[int]) -> Iterator[tuple[Tensor, float]]:
        """Pass by pass; the weight of a career is the importance of its tokens."""
        for texts in self.passes(batch):
            weight = sum(sum(token_importance(text, self.text_weight)) for text in texts)
            yield pack_loss(self.scorer.reader, texts, text_weight=self.text_weight), weight

    def perplexity(self) -> float:
        """Of the observed titles, by their text."""
        log_prob = np.concatenate(list(self.scorer.realised(self.valid)))
        return float(np.exp(-log_prob.mean()))


def token_importance(career: EncodedCareer, text_weight: float, title_weight: float = 1.0) -> list[float]:
    """Weight in the loss of each token: one weight in titles, one elsewhere, zero for the first, which nothing
    predicts, and for what is learnt from another window of the career."""
    importance = [text_weight] * len(career.tokens)
    for start, end in zip(career.starts, career.ends, strict=True):
        importance[start:end] = [title_weight] * (end - start)
    return [0.0] * career.learnt_from + importance[career.learnt_from :]


def pack_loss(reader: Reader, careers: Sequence[EncodedCareer], *, text_weight: float = 1.0) -> Tensor:
    """Next-token loss in nats over careers packed end to end, summed with the weights of `token_importance`."""
    with reader.precision():
        hidden, _ = reader.careers(careers)
        importance = [weight for career in careers for weight in token_importance(career, text_weight)]
        return token_loss(reader, hidden, careers, importance)


def token_loss(reader: Reader, hidden: Tensor, careers: Sequence[EncodedCareer], importance: Sequence[float]) -> Tensor:
    """The same from the hidden states of the careers, (n, d), with a weight for each of their n tokens."""
    weights = torch.tensor(importance, device=hidden.device)
    tokens = torch.tensor([token for career in careers for token in career.tokens], device=hidden.device)
    targets = weights.nonzero()[:, 0]  # never the first token, so its own career precedes it
    return next_token_loss(hidden[targets - 1], *reader.head(), reader.columns(tokens[targets]), weights[targets])


@contextmanager
def recomputing(model: PreTrainedModel, recipe: Recipe) -> Iterator[None]:
    """Compute activations anew in the backward pass, if the recipe says so."""
    if not recipe.recompute:
        yield
        return
    if not model.supports_gradient_checkpointing:
        raise OptionError(f"{type(model).__name__} cannot compute its activations anew", hint="leave out --recompute")
    with without_foreign_warnings():
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    yield
    with without_foreign_warnings():
        model.gradient_checkpointing_disable()


@contextmanager
def explaining_memory(recipe: Recipe, device_type: str) -> Iterator[None]:
    """Say in one line what to do if memory does not hold a pass that no longer gets smaller."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_of_memory(error):
            raise
        ways = {
            f"lower --pack-tokens (it is {recipe.tokens_in_a_pass(device_type)})": recipe.shard,
            "set --recompute": not recipe.recompute,
            "train an adapter (--method lora)": recipe.method == "full",
            "take a smaller base model": True,
        }
        open_ways = " or ".join(way for way, is_open in ways.items() if is_open)
        raise CapacityError("memory does not hold a pass of training", hint=open_ways) from error
