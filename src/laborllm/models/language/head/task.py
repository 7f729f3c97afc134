"""Training of the head and its base model: the choice among titles, next tokens, and a teacher's probabilities."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from laborllm.lm.tokens.packing import TrainingTexts
from laborllm.lm.tuning.finetune import token_importance, token_loss
from laborllm.models.distillation import distilled_loss
from laborllm.models.language.head.classifier import HeadOutput, TitleClassifier
from laborllm.models.language.head.offset import OffsetCareer


@dataclass
class TitleChoice(TrainingTexts[OffsetCareer]):
    """The choice of the observed title among all, as a training task.

    Attributes:
        classifier: What is trained.
        valid: Validation careers.
        text_weight: Weight of predicting each token that is in no title, against one for the choice of each title.
        teacher_weight: Share of the loss of a choice that a teacher's probabilities have; the observed title has the
            rest, or all of it without a teacher.
    """

    classifier: TitleClassifier
    valid: Sequence[OffsetCareer]
    text_weight: float
    teacher_weight: float | None = None
    name: str = "fine-tune"

    @cached_property
    def module(self) -> nn.Module:
        """The base model and the head, as one module to train."""
        base, head = self.classifier.model.base.model, self.classifier.head
        return nn.Sequential(base, head)  # no list: sharding searches lists for layers

    def loss(self, batch: Sequence[int]) -> Iterator[tuple[Tensor, float]]:
        """Pass by pass; the weight of a career is its number of records and the weights of its other tokens."""
        for output in map(self.classifier.forward_packed, self.passes(batch)):
            loss, weight = self._choice(output), float(len(output.inputs.observed))
            if self.text_weight:
                text = [w for career in output.careers for w in token_importance(career, self.text_weight, 0.0)]
                loss = loss + token_loss(self.classifier.model.decoder, output.hidden, output.careers, text)
                weight += sum(text)
            yield loss, weight

    @torch.no_grad()  # not inference_mode: training resumes with sharded weights that are gathered here
    def perplexity(self) -> float:
        """Perplexity of the observed titles of the validation careers."""
        parts = [output.observed for output in self.classifier.forward(self.valid)]
        return float(torch.cat(parts).double().mean().neg().exp())

    def _choice(self, output: HeadOutput) -> Tensor:
        """The loss of the choices in nats, summed over records."""
        inputs = output.inputs
        return distilled_loss(output.log_prob, output.observed, inputs.teacher_probs, self.teacher_weight)
