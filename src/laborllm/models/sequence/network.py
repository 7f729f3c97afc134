"""The networks' common shape, and how one is trained: the two-stage likelihood of the observed occupations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from laborllm.models.distillation import distilled_loss
from laborllm.models.sequence.inputs.careers import Batch, Careers
from laborllm.models.sequence.inputs.hidden import Hiding
from laborllm.models.two_stage import two_stage_log_prob

SCORED_TOGETHER = 128  # careers in one pass where no gradient is needed


def log_probs(network: nn.Module, careers: Careers) -> Iterator[tuple[Tensor, Tensor]]:
    """In the order of `careers`, some at a time: log-probabilities in nats, (n, J), and the observed columns, (n,)."""
    network.eval()
    with torch.inference_mode():
        for workers in torch.arange(len(careers)).split(SCORED_TOGETHER):
            batch = careers.batch(workers.tolist())
            yield _log_prob(network, batch), batch.records("occupation")


def observed_log_probs(network: nn.Module, careers: Careers) -> Tensor:
    """Log-probability in nats of every observed occupation, (n,), in the order of `careers`."""
    return torch.cat([_observed(log_prob, observed) for log_prob, observed in log_probs(network, careers)])


@dataclass(frozen=True)
class NextOccupation:
    """What the training loop asks for.

    Attributes:
        name: Shown with the progress.
        module: Takes a `Batch` to scores (n, J + 1), as in `two_stage_log_prob`.
        train: The training careers.
        valid: The validation careers.
        teacher_probs: Probabilities of a teacher for the training records, (n, J); None without one.
        teacher_share: Of the loss.
        hiding: What the network is not told in training; None: it is told everything.
    """

    name: str
    module: nn.Module
    train: Careers
    valid: Careers
    teacher_probs: Tensor | None = None
    teacher_share: float | None = None
    hiding: Hiding | None = None

    @property
    def lengths(self) -> list[int]:
        """Records of each training career."""
        return self.train.length.tolist()

    def loss(self, batch: Sequence[int]) -> Iterator[tuple[Tensor, float]]:
        """Negative log-likelihood in nats of some careers, or a loss with a teacher, summed, and their records."""
        careers = self.train.batch(batch)
        scores = self.module(careers if self.hiding is None else self.hiding.apply(careers))
        log_prob = two_stage_log_prob(scores, careers.records("previous"))
        observed = _observed(log_prob, careers.records("occupation"))
        teacher = None if self.teacher_probs is None else self.teacher_probs[self.train.rows(batch)]
        yield distilled_loss(log_prob, observed, teacher, self.teacher_share), len(observed)

    def perplexity(self) -> float:
        """Perplexity of the validation careers."""
        return float(observed_log_probs(self.module, self.valid).double().mean().neg().exp())


def _log_prob(network: nn.Module, batch: Batch) -> Tensor:
    return two_stage_log_prob(network(batch), batch.records("previous"))


def _observed(log_prob: Tensor, observed: Tensor) -> Tensor:
    return log_prob.gather(1, observed[:, None])[:, 0]
