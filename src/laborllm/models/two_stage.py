"""The two-stage likelihood of CAREER (arXiv 2202.08370): does a worker stay, and if not, where does she move?

With z in R^J the scores of the occupations, s the score of staying, and j the occupation of the record before,

    P(j) = sigmoid(s),    P(k) = (1 - sigmoid(s)) exp(z_k) / sum_{l != j} exp(z_l)    for k != j.

A first record has nothing to stay in: P(k) = exp(z_k) / sum_l exp(z_l).
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def two_stage_log_prob(scores: Tensor, previous: Tensor) -> Tensor:
    """Log-probabilities in nats, (n, J), from scores (n, J + 1), the score of staying last, and the columns of the
    occupations before, (n,), which are J for first records."""
    classes = scores.shape[1] - 1
    stay = scores[:, -1:]
    at_previous = torch.arange(classes, device=scores.device) == previous[:, None]  # (n, J)
    destination = scores[:, :-1].masked_fill(at_previous, -torch.inf).log_softmax(dim=1)
    moved = torch.where(previous[:, None] == classes, destination, logsigmoid(-stay) + destination)
    return torch.where(at_previous, logsigmoid(stay), moved)
