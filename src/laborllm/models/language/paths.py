"""Paths of a language model over career texts: paths that have drawn alike so far share one text.

Each year every text is written and encoded as the careers of a panel are, so its tokens are those of a forecast; the
model reads what is new of it.
"""

import numpy as np
import torch
from torch import Tensor

from laborllm.lm.scoring.next_titles import NextTitles
from laborllm.lm.tokens.encoding import by_worker
from laborllm.models.language.titles import encode
from laborllm.models.rescored import careers_so_far
from laborllm.panel import Panel


class LanguagePaths:
    """D paths of each of W workers.

    Args:
        titles: Scores the next title of texts.
        panel: Careers with K open records each.
        draws: Paths of each worker, D.
    """

    def __init__(self, titles: NextTitles, panel: Panel, draws: int) -> None:
        self._titles, self._panel, self._draws = titles, panel, draws
        self._closed = np.empty((panel.workers, 1, 0), dtype=np.intp)  # (W, D, k) columns drawn so far

    def probability(self) -> Tensor:
        """(W, D, J), or (W, 1, J) before the first record is closed."""
        workers, draws, years = self._closed.shape
        histories = np.column_stack(
            [np.repeat(np.arange(workers), draws), self._closed.reshape(workers * draws, years)]
        )
        distinct, of_path = np.unique(histories, axis=0, return_inverse=True)
        careers = careers_so_far(self._panel, distinct[:, 0], distinct[:, 1:])
        texts = [windows[-1] for windows in by_worker(encode(self._titles.model.encoder, careers))]
        log_prob = torch.from_numpy(self._titles.score(texts).log_prob)
        return log_prob.softmax(dim=1)[torch.from_numpy(of_path).flatten()].view(workers, draws, -1)

    def append(self, occupation: Tensor) -> None:
        """Close the next open record of every path."""
        closed = np.repeat(self._closed, self._draws // self._closed.shape[1], axis=1)
        self._closed = np.dstack([closed, occupation.cpu().numpy()])
