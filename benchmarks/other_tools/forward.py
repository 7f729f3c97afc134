"""A plain forward pass of transformers over a career: the rate that scoring is measured against, and the oracle."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from benchmarks.scoring_task import Floats, ScoringTask
from laborllm.lm.base.float64 import InFloat64
from laborllm.lm.tokens.encoding import Tokens


@torch.inference_mode()
def observed(model: PreTrainedModel, task: ScoringTask) -> Floats:
    """Log-probability of the observed titles of the whole career, (25, 1) nats, from one pass."""
    log_prob = model(torch.tensor([task.whole.tokens], device=model.device)).logits[0].float().log_softmax(dim=-1)
    tokens = torch.tensor(task.whole.tokens, device=model.device)
    followed = log_prob[:-1].gather(1, tokens[1:, None]).double().cpu()
    spans = zip(task.whole.starts, task.whole.ends, strict=True)
    return torch.stack([followed[start - 1 : end - 1].sum(dim=0) for start, end in spans]).numpy()


@torch.inference_mode()
def exact(model: PreTrainedModel, pairs: Sequence[tuple[Tokens, Tokens]], vocabulary: Tokens) -> Floats:
    """Log-probability of each title after its prompt, one pass of a float64 model for each: (2, pairs) nats, with the
    softmax over all tokens and over those of `vocabulary`."""
    kept = torch.tensor(vocabulary, device=model.device)
    found = []
    with InFloat64():
        for prompt, title in pairs:
            row = torch.tensor([prompt + title], device=model.device)
            logits = model(row, use_cache=False).logits[0, len(prompt) - 1 : -1]
            found.append([_along(logits, row[0, len(prompt) :]), _along(logits[:, kept], _places(kept, title))])
    return torch.tensor(found, dtype=torch.float64).T.numpy()


def _along(logits: Tensor, tokens: Tensor) -> float:
    return float(logits.log_softmax(dim=-1).gather(1, tokens[:, None]).sum())


def _places(kept: Tensor, title: Tokens) -> Tensor:
    return torch.searchsorted(kept, torch.tensor(title, device=kept.device))
