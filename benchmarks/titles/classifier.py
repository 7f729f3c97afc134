"""Fits the classifier of the coder of titles, some ten seconds of one core."""

from collections import defaultdict
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import embedding_bag, log_softmax

from laborllm.occupations.coding.classifier import BUCKETS, Classifier, buckets_of
from laborllm.occupations.coding.coder import REPEATS
from laborllm.occupations.coding.listed import ListedTitles
from laborllm.occupations.coding.ranker import Words
from laborllm.occupations.coding.words import without_rank
from laborllm.occupations.taxonomy import Taxonomy

RANK, EPOCHS, BATCH = 32, 10, 512
DROPOUT, WEIGHT_DECAY, RATE, SCALE = 0.3, 0.1, 0.03, 0.05  # of buckets; AdamW; peak learning rate; of initial draws


def fit_classifier(taxonomy: Taxonomy, listed: ListedTitles, *, seed: int = 0) -> Classifier:
    """Fit by maximum likelihood: a title's shares of codes are the target, its weight the root of its number of lines.

    Each title counts once for the lists that have it, as often as `REPEATS` says. Bit for bit the same on one thread.
    """
    torch.manual_seed(seed)
    counts: dict[Words, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for name, title, code, _ in listed.examples():
        counts[without_rank(title)][taxonomy.position[code]] += REPEATS[name]
    buckets = [_buckets(title) for title in counts]
    targets = np.zeros((len(counts), len(taxonomy)), dtype=np.float32)
    for row, of in enumerate(counts.values()):
        targets[row, list(of)] = list(of.values())
    parameters = [
        torch.nn.Parameter(torch.randn(BUCKETS, RANK) * SCALE),
        torch.nn.Parameter(torch.randn(RANK, len(taxonomy)) * SCALE),
        torch.nn.Parameter(torch.zeros(len(taxonomy))),
    ]
    _descend(parameters, buckets, torch.from_numpy(targets))
    return _quantised(*(parameter.detach().numpy() for parameter in parameters))


@cache  # fits are many, on much the same titles
def _buckets(title: Words) -> torch.Tensor:
    return torch.tensor(buckets_of(title), dtype=torch.int64)


def _descend(parameters: list[torch.nn.Parameter], buckets: list[torch.Tensor], targets: torch.Tensor) -> None:
    optimizer = torch.optim.AdamW(parameters, weight_decay=WEIGHT_DECAY)
    steps = EPOCHS * -(-len(buckets) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(buckets)).split(BATCH):
            total = targets[rows].sum(dim=1, keepdim=True)
            log_prob = _log_prob(parameters, [buckets[row] for row in rows.tolist()])
            loss = -(targets[rows] * total.rsqrt() * log_prob).sum() / total.sqrt().sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def _log_prob(parameters: list[torch.nn.Parameter], buckets: list[torch.Tensor]) -> torch.Tensor:
    """(b, J), with a share of the buckets of each title dropped."""
    vectors, slopes, intercepts = parameters
    count = torch.tensor([len(of) for of in buckets])
    share = count.rsqrt().repeat_interleave(count)
    kept = share * (torch.rand_like(share) >= DROPOUT) / (1 - DROPOUT)
    flat, starts = torch.cat(buckets), count.cumsum(0) - count
    title_vectors = embedding_bag(flat, vectors, starts, mode="sum", per_sample_weights=kept)
    return log_softmax(title_vectors @ slopes + intercepts, dim=1)


def _quantised(
    vectors: NDArray[np.float32], slopes: NDArray[np.float32], intercepts: NDArray[np.float32]
) -> Classifier:
    """A byte for each number of the vectors, a column's scale moved into the slopes; these in half precision."""
    scale = np.abs(vectors).max(axis=0) / 127
    half = [part.astype(np.float16).astype(np.float32) for part in (slopes * scale[:, None], intercepts)]
    return Classifier(np.rint(vectors / scale).astype(np.int8), *half)
