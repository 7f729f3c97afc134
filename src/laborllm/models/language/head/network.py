"""The network of the head: probabilities of all J titles from the hidden state at the end of a prompt.

With h the hidden state, centred and scaled, j the occupation of the record before and e_k a unit vector of title k,

    z_k = log P(k) + (V h) . e_k + sum_f (a_f + b_f . h) r_kf,    s = logit P(j) + g . h,

are the scores of the two-stage likelihood. P is the forecast of another model, whose logits are the offset, such as the
two-part transition frequencies of the same careers; r_kf are the history features of k. V, a, b and g start at zero, so
training starts at P. A title that no career holds is scored by the meaning of its words.
"""

import torch
from torch import Tensor, nn

from laborllm.models.language.head.inputs import HISTORY_FEATURES, HeadInputs
from laborllm.models.two_stage import two_stage_log_prob


class HeadNetwork(nn.Module):
    """Scores of J titles, and of staying, from hidden states of width d.

    Attributes:
        titles: (J, d) unit vectors e_k.
        center: (d,) mean of the hidden states at the ends of prompts.
        spread: (d,) their standard deviation.
    """

    titles: Tensor
    center: Tensor
    spread: Tensor

    def __init__(self, titles: int, width: int, *, dropout: float = 0.0, history_features: bool = True) -> None:
        """dropout: share of the elements of a hidden state that are dropped in training."""
        super().__init__()
        self.register_buffer("titles", torch.zeros(titles, width))
        self.register_buffer("center", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        self.meaning = nn.Linear(width, width, bias=False)
        self.history = nn.Linear(width, HISTORY_FEATURES) if history_features else None
        self.stay = nn.Linear(width, 1)
        self.dropout = nn.Dropout(dropout)
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def initialise(self, titles: Tensor, center: Tensor, spread: Tensor) -> None:
        """Set the buffers, which are not trained.

        Args:
            titles: Unit vectors of the titles, (J, d).
            center: Mean of the hidden states at the ends of prompts, (d,).
            spread: Their standard deviation, (d,).
        """
        for buffer, value in ((self.titles, titles), (self.center, center), (self.spread, spread)):
            buffer.copy_(value)

    def forward(self, hidden: Tensor, inputs: HeadInputs) -> Tensor:
        """Log-probabilities of the titles.

        Args:
            hidden: Hidden states at the ends of the prompts, (n, d).
            inputs: What else is known of the n records.

        Returns:
            (n, J) nats, normalised.
        """
        state = self.dropout((hidden.float() - self.center) / (self.spread * hidden.shape[1] ** 0.5))
        choice = self.meaning(state) @ self.titles.T
        if self.history is not None:
            choice = choice + torch.einsum("njf,nf->nj", inputs.history, self.history(state))
        scores = torch.cat([choice, self.stay(state)], dim=1)
        return two_stage_log_prob(inputs.offset + scores, inputs.previous)
