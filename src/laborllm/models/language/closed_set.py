"""The titles as a closed set: all J probabilities of a record from the one hidden state at the end of its prompt.

With h the hidden state, centred and scaled, j the occupation of the record before and e_k a unit vector of the title
of k,

    z_k = log P(k) + (V h) . e_k + sum_f (a_f + b_f . h) r_kf,    s = logit P(j) + g . h,

are the scores of the two-stage likelihood. P is what another model says of the record, the two-part transition
frequencies of the same careers for one, and r_kf says how the worker held k before: whether, and how recently. V, a, b
and g begin at zero, so training begins at P and adds what the text tells beyond it. A title that no career holds is
scored by what its words mean.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from laborllm.lm.base.load import BaseModel
from laborllm.lm.forward.decoder import Decoder
from laborllm.lm.pass_sizes import FORWARD_TOKENS
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.lm.tokens.packing import TrainingTexts, packed
from laborllm.lm.tuning.finetune import token_importance, token_loss
from laborllm.models.forecast import Forecast
from laborllm.models.two_stage import two_stage_log_prob
from laborllm.panel import Panel
from laborllm.panel.history import History
from laborllm.runtime import best_device, has_fast_bfloat16

LEAST = -60.0  # of a log-probability that training begins with
MEMORIES = 2  # whether an occupation was held before, and one over the records since


@dataclass(frozen=True)
class ToldCareer(EncodedCareer):
    """A career as tokens, or a window of it, and what other models say of its T records: scores (T, J + 1) of the one
    that is begun with, that of staying last, and the probabilities (T, J) of a teacher, if there is one."""

    scores: NDArray[np.float32] = field(kw_only=True)
    taught: NDArray[np.float32] | None = field(kw_only=True, default=None)


def told(
    careers: Sequence[EncodedCareer], panel: Panel, forecast: Forecast, teaching: Forecast | None = None
) -> list[ToldCareer]:
    """The careers of a panel with a forecast of its records, and with that of a teacher."""
    scores = two_stage_scores(forecast, History.of(panel).previous)
    taught = None if teaching is None else np.exp(teaching.log_prob, dtype=np.float32)
    places = pairwise(np.cumsum([0, *(len(career.starts) for career in careers)]))
    return [
        ToldCareer(**vars(career), scores=scores[a:b], taught=None if taught is None else taught[a:b])
        for career, (a, b) in zip(careers, places, strict=True)
    ]


def two_stage_scores(forecast: Forecast, previous: NDArray[np.intp]) -> NDArray[np.float32]:
    """(n, J + 1): the scores that give back the forecast, that of staying last, and zero for first records. previous:
    columns of the occupations before, (n,), J where there is none."""
    log_prob = forecast.log_prob.clip(min=LEAST)
    none = log_prob.shape[1]
    stay = log_prob[np.arange(len(previous)), previous % none].astype(np.float64).clip(max=-1e-7)
    logit = np.where(previous == none, 0.0, stay - np.log(-np.expm1(stay)))
    return np.column_stack([log_prob, logit.astype(np.float32)])


@dataclass(frozen=True)
class Steps:
    """The n records of some careers. end: place of the last token of each prompt in the packed careers.
    previous, observed: columns of the occupations before (J where there is none) and of the record (J if open), (n,).
    told: (n, J + 1) scores by another model, that of staying last.
    held: (n, J, 2) whether each occupation was held before, and one over the number of records since.
    taught: (n, J) probabilities by a teacher, if there is one."""

    end: Tensor
    previous: Tensor
    observed: Tensor
    told: Tensor
    held: Tensor
    taught: Tensor | None = None


class ClosedSetHead(nn.Module):
    """The scores of J occupations and of staying, from states of width d.

    titles: (J, d) unit vectors. center, spread: (d,) of the hidden states at the ends of prompts.
    dropout: share of the elements of a state that are hidden in training. memories: whether they are scored.
    """

    titles: Tensor
    center: Tensor
    spread: Tensor

    def __init__(self, classes: int, width: int, *, dropout: float = 0.0, memories: bool = True) -> None:
        super().__init__()
        self.register_buffer("titles", torch.zeros(classes, width))
        self.register_buffer("center", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        self.meaning = nn.Linear(width, width, bias=False)
        self.recall = nn.Linear(width, MEMORIES) if memories else None
        self.gate = nn.Linear(width, 1)
        self.dropout = nn.Dropout(dropout)
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def begin(self, titles: Tensor, center: Tensor, spread: Tensor) -> None:
        """Set what is not learnt."""
        for buffer, value in ((self.titles, titles), (self.center, center), (self.spread, spread)):
            buffer.copy_(value)

    def forward(self, hidden: Tensor, steps: Steps) -> Tensor:
        """Log-probabilities (n, J) in nats, from the hidden states at the ends of the prompts, (n, d)."""
        state = self.dropout((hidden.float() - self.center) / (self.spread * hidden.shape[1] ** 0.5))
        choice = self.meaning(state) @ self.titles.T
        if self.recall is not None:
            choice = choice + torch.einsum("njf,nf->nj", steps.held, self.recall(state))
        learnt = torch.cat([choice, self.gate(state)], dim=1)
        return two_stage_log_prob(steps.told + learnt, steps.previous)


@dataclass(frozen=True)
class Reading:
    """What one pass gave: hidden states (tokens, d), the records, and their log-probabilities (n, J) in nats."""

    careers: list[ToldCareer]
    hidden: Tensor
    steps: Steps
    log_prob: Tensor

    @property
    def observed(self) -> Tensor:
        """The log-probability of each observed occupation, (n,)."""
        return self.log_prob.gather(1, self.steps.observed[:, None])[:, 0]


@dataclass(frozen=True)
class ClosedSet:
    """A base model with a head over the occupations of a taxonomy."""

    decoder: Decoder
    encoder: CareerEncoder
    head: ClosedSetHead

    def read(self, careers: Sequence[ToldCareer]) -> Iterator[Reading]:
        """Some careers after the other, one pass of the base model each."""
        return map(self.read_at_once, packed(careers, FORWARD_TOKENS[self.decoder.device.type]))

    def read_at_once(self, careers: list[ToldCareer]) -> Reading:
        steps = steps_of(careers, self.encoder, self.decoder.device)
        with self.decoder.precision():
            hidden, _ = self.decoder.forward_packed(careers)
        return Reading(careers, hidden, steps, self.head(hidden[steps.end], steps))


def closed_set(
    base: BaseModel, encoder: CareerEncoder, *, dropout: float = 0.0, memories: bool = True, bfloat16: bool = False
) -> ClosedSet:
    """`base` with a head that has learnt nothing, on the best device of this machine. With `bfloat16`, the products of
    the base model are in bfloat16 where that is fast."""
    device = best_device()
    base.model.to(device)  # type: ignore[arg-type]
    width = base.model.config.get_text_config().hidden_size
    head = ClosedSetHead(len(encoder.taxonomy), width, dropout=dropout, memories=memories).to(device)
    return ClosedSet(Decoder(base.model, autocast=bfloat16 and has_fast_bfloat16(device)), encoder, head.eval())


def steps_of(careers: Sequence[ToldCareer], encoder: CareerEncoder, device: torch.device) -> Steps:
    """The records of packed careers."""
    none = len(encoder.taxonomy)
    known = encoder.column | {(): none}
    ends, previous, observed, held = [], [], [], []
    begin = 0
    for career in careers:
        columns = [known[career.tokens[start:end]] for start, end in career.places]
        read = len(career.history)
        ends += [begin + start - 1 for start in career.starts]
        previous += [none, *columns[:-1]][read:]
        observed += columns[read:]
        held.append(memories(columns, none)[read:])
        begin += len(career.tokens)
    tensors = [
        torch.tensor(ends),
        torch.tensor(previous),
        torch.tensor(observed),
        torch.from_numpy(np.concatenate([career.scores for career in careers])),
        torch.from_numpy(np.concatenate(held)),
    ]
    taught = [career.taught for career in careers if career.taught is not None]
    if taught:
        tensors.append(torch.from_numpy(np.concatenate(taught)))
    return Steps(*(tensor.to(device) for tensor in tensors))


def memories(columns: Sequence[int], classes: int) -> NDArray[np.float32]:
    """(T, J, 2) for a career: whether each occupation was held before each record, and one over the records since."""
    found = np.zeros((len(columns), classes, MEMORIES), dtype=np.float32)
    for at in range(1, len(columns)):
        found[at] = found[at - 1]
        held = found[at, :, 0] > 0
        found[at, held, 1] = 1 / (1 / found[at, held, 1] + 1)
        found[at, columns[at - 1]] = 1
    return found


@dataclass
class ChoosingTitles(TrainingTexts[ToldCareer]):
    """Careers whose observed occupations the closed set learns to choose, as a task of training.

    text_weight: of predicting each token that is in no title, beside the choice of each title. teacher_weight: share of
    a choice that what a teacher says of it has; the title observed has the rest, or all of it without a teacher.
    """

    model: ClosedSet
    valid: Sequence[ToldCareer]
    text_weight: float
    teacher_weight: float = 0.0
    name: str = "fine-tune"

    @cached_property
    def module(self) -> nn.Module:
        return nn.Sequential(self.model.decoder.model, self.model.head)  # no list: sharding seeks layers in lists

    def loss(self, batch: Sequence[int]) -> Iterator[tuple[Tensor, float]]:
        """Pass by pass; the weight of a career is its number of records and what its other tokens weigh."""
        for reading in map(self.model.read_at_once, self.passes(batch)):
            loss, weight = self._choice(reading), float(len(reading.steps.observed))
            if self.text_weight:
                text = [w for career in reading.careers for w in token_importance(career, self.text_weight, 0.0)]
                loss = loss + token_loss(self.model.decoder, reading.hidden, reading.careers, text)
                weight += sum(text)
            yield loss, weight

    @torch.no_grad()  # not inference_mode: training goes on with sharded weights that are gathered here
    def perplexity(self) -> float:
        parts = [reading.observed for reading in self.model.read(self.valid)]
        return float(torch.cat(parts).double().mean().neg().exp())

    def _choice(self, reading: Reading) -> Tensor:
        """Cross-entropy of the choice of titles in nats, summed over records: against the observed titles, or against a
        weighted mean of them and the probabilities by a teacher (arXiv 1503.02531, at temperature one)."""
        observed, taught = -reading.observed.sum(), reading.steps.taught
        if taught is None:
            return observed
        return (1 - self.teacher_weight) * observed - self.teacher_weight * (taught * reading.log_prob).sum()
