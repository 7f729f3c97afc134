"""Fine-tuning a base model on career texts: next-token loss over every token, as in LABOR-LLM (arXiv 2406.17972), or
over titles first of all.

Careers are packed end to end without padding; each attends to itself alone, so a pack gives the loss of its careers one
by one. The order of careers is a function of the seed and the epoch.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from laborllm.errors import ModelError
from laborllm.lm.encoding import EncodedCareer
from laborllm.lm.loss import next_token_loss
from laborllm.lm.reading import Reader, packs
from laborllm.lm.recipe import Recipe
from laborllm.lm.scoring import Scorer
from laborllm.lm.weights import Adapter, add_adapter, merge_adapter
from laborllm.progress import progress


@dataclass(frozen=True)
class CurvePoint:
    """One point of the learning curve: careers and tokens trained on, seconds of training (validation left out), mean
    training loss per token in nats since the last point, and validation perplexity of the observed titles."""

    careers: int
    tokens: int
    seconds: float
    train_loss: float
    valid_perplexity: float


@dataclass
class _State:
    careers: int = 0
    tokens: int = 0
    seconds: float = 0.0
    nats: float = 0.0
    scored: float = 0.0
    curve: list[CurvePoint] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)


def finetune(
    scorer: Scorer, train: Sequence[EncodedCareer], valid: Sequence[EncodedCareer], recipe: Recipe, *, seed: int
) -> tuple[list[CurvePoint], Adapter | None]:
    """Train `scorer`'s model in place and return the learning curve, and the adapter, which is merged into the model.

    Raises `ModelError` on an empty split or a loss that is not finite.
    """
    if not train or not valid:
        raise ModelError("fine-tuning needs at least one career in split train and one in split valid")
    torch.manual_seed(seed)
    model = scorer.base.model
    adapted = add_adapter(model, recipe.lora_rank) if recipe.method == "lora" else None
    if adapted is None:
        model.requires_grad_(True)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=recipe.peak_rate, weight_decay=recipe.weight_decay)
    batches = list(_batches(len(train), recipe, seed))
    state = _State()
    with progress("fine-tune", len(train) * recipe.epochs, "careers") as advance:
        _validate(scorer, valid, state)
        for step, batch in enumerate(batches):
            start = time.monotonic()
            for group in optimizer.param_groups:
                group["lr"] = recipe.peak_rate * rate_factor(step, len(batches), recipe.warmup)
            _step(scorer, [train[index] for index in batch], recipe, optimizer, parameters, state)
            state.seconds += time.monotonic() - start
            is_last = step == len(batches) - 1
            if is_last or state.careers // recipe.validate_every > state.curve[-1].careers // recipe.validate_every:
                _validate(scorer, valid, state)
            advance(len(batch), note=f"validation perplexity {state.curve[-1].valid_perplexity:.2f}")
    _restore(scorer, state.best)
    model.requires_grad_(False)
    return state.curve, None if adapted is None else merge_adapter(adapted)


def career_order(careers: int, *, seed: int, epoch: int) -> list[int]:
    """The order of careers in an epoch: a function of its arguments alone."""
    return [int(index) for index in np.random.default_rng([seed, epoch]).permutation(careers)]


def rate_factor(step: int, steps: int, warmup: float) -> float:
    """Share of the peak learning rate at a step: a linear rise, then a linear fall that would reach 0 at `steps`."""
    rise = max(1, math.ceil(warmup * steps))
    return (step + 1) / rise if step < rise else (steps - step) / max(1, steps - rise)


def token_importance(career: EncodedCareer, text_weight: float) -> list[float]:
    """Weight in the loss of each token: one in titles, `text_weight` elsewhere, zero for the first, which nothing
    predicts."""
    importance = [text_weight] * len(career.tokens)
    for start, end in zip(career.starts, career.ends, strict=True):
        importance[start:end] = [1.0] * (end - start)
    return [0.0, *importance[1:]]


def pack_loss(reader: Reader, careers: Sequence[EncodedCareer], *, text_weight: float = 1.0) -> Tensor:
    """Next-token loss in nats over careers packed end to end, summed with the weights of `token_importance`."""
    with reader.precision():
        hidden, _ = reader.careers(careers)
        weights = [weight for career in careers for weight in token_importance(career, text_weight)]
        importance = torch.tensor(weights, device=reader.device)
        tokens = torch.tensor([token for career in careers for token in career.tokens], device=reader.device)
        targets = importance.nonzero()[:, 0]  # never the first token, so its own career precedes it
        head = reader.model.get_output_embeddings()
        return next_token_loss(hidden[targets - 1], head.weight, head.bias, tokens[targets], importance[targets])


def _step(
    scorer: Scorer,
    careers: list[EncodedCareer],
    recipe: Recipe,
    optimizer: torch.optim.Optimizer,
    parameters: Sequence[Tensor],
    state: _State,
) -> None:
    """One optimiser step on one batch: the gradient is that of the mean loss per token of the whole batch."""
    lengths = [len(career.tokens) for career in careers]
    total = sum(sum(token_importance(career, recipe.text_weight)) for career in careers)
    for pack in packs(lengths, recipe.pack_tokens):
        loss = pack_loss(scorer.reader, [careers[index] for index in pack], text_weight=recipe.text_weight)
        if not torch.isfinite(loss):
            raise ModelError(f"the loss is {loss.item()} after {state.careers} careers: lower the learning rate")
        (loss / total).backward()
        state.nats += loss.item()
    torch.nn.utils.clip_grad_norm_(parameters, recipe.clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    state.careers += len(careers)
    state.tokens += sum(lengths)
    state.scored += total


def _batches(careers: int, recipe: Recipe, seed: int) -> Iterator[list[int]]:
    for epoch in range(recipe.epochs):
        order = career_order(careers, seed=seed, epoch=epoch)
        yield from (order[start : start + recipe.batch_size] for start in range(0, careers, recipe.batch_size))


def _validate(scorer: Scorer, valid: Sequence[EncodedCareer], state: _State) -> None:
    log_prob = np.concatenate(list(scorer.realised(valid)))
    perplexity = float(np.exp(-log_prob.mean()))
    if not state.curve or perplexity < min(point.valid_perplexity for point in state.curve):
        trained = {name: p for name, p in scorer.base.model.named_parameters() if p.requires_grad}
        state.best = {name: p.detach().clone() for name, p in trained.items()}
    train_loss = state.nats / state.scored if state.scored else math.nan
    state.nats, state.scored = 0.0, 0.0
    state.curve.append(CurvePoint(state.careers, state.tokens, state.seconds, train_loss, perplexity))


def _restore(scorer: Scorer, best: dict[str, Tensor]) -> None:
    with torch.no_grad():
        for name, parameter in scorer.base.model.named_parameters():
            if name in best:
                parameter.copy_(best[name])
