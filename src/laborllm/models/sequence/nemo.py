"""NEMO: a recurrent network over the career (Li et al., KDD 2017; two-stage, as CAREER, arXiv 2202.08370, compares it).

    h_t = LSTM(h_{t-1}, e(j_{t-1}) + sum_f v^f[x_{t,f}]),    z_t = W h_t + b,

with e(j) the vector of the occupation before and v^f those of the covariates of the record to forecast.
"""

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from laborllm.models.sequence.inputs.careers import Batch
from laborllm.models.sequence.inputs.embeddings import Covariates, embedding

SCALE = 0.1  # of the vectors at first


class NemoNetwork(nn.Module):
    """The LSTM of NEMO: a `Batch` to scores (n, J + 1). Padding comes last, so no record sees any."""

    def __init__(self, sizes: Mapping[str, int], classes: int, layers: int, width: int, dropout: float) -> None:
        super().__init__()
        self.occupations = embedding(classes + 1, width, scale=SCALE)
        self.covariates = Covariates(sizes, width, scale=SCALE)
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(width, width, layers, batch_first=True, dropout=between)
        self.head = nn.Linear(width, classes + 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: Batch) -> Tensor:
        """Scores of all n records of a batch, (n, J + 1)."""
        given = self.occupations(batch.index["previous"]) + self.covariates(batch.index)  # (B, T, width)
        hidden, _ = self.lstm(self.dropout(given))
        scores: Tensor = self.head(self.dropout(hidden[batch.present]))
        return scores

    def begin(self, batch: Batch) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Scores of the last record of W careers, (W, J + 1), and the state of the LSTM, (layers, W, width)."""
        given = self.occupations(batch.index["previous"]) + self.covariates(batch.index)
        lengths = batch.present.sum(dim=1).cpu()
        _, state = self.lstm(pack_padded_sequence(given, lengths, batch_first=True, enforce_sorted=False))
        return self.head(state[0][-1]), state

    def step(self, state: tuple[Tensor, Tensor], index: Mapping[str, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Scores of one more record on each path, and the state after it.

        Args:
            state: Hidden state and cell of the LSTM.
            index: Indexes of the record by name, (W, D).

        Returns:
            (W, D, J + 1) for D paths of each of W workers, and the state.
        """
        workers, paths = index["previous"].shape
        given = self.occupations(index["previous"]) + self.covariates.of_paths(index)  # (W, D, width)
        if state[0].shape[1] == workers:  # the paths of a worker part here
            state = tuple(part.repeat_interleave(paths, dim=1) for part in state)  # type: ignore[assignment]
        hidden, state = self.lstm(given.flatten(0, 1)[:, None], state)
        return self.head(hidden).view(workers, paths, -1), state
