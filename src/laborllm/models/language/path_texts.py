"""The texts of paths: paths that have drawn alike so far share one text.

Each year every text is written and encoded as the careers of a panel are, so its tokens are those of a forecast.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from torch import Tensor

from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer, by_worker
from laborllm.models.language.titles import encode
from laborllm.models.rescored import careers_so_far
from laborllm.panel import Panel

KEPT = -1
"""In place of a drawn level of education: the record keeps the one it has."""


class PathTexts:
    """The texts of D paths of each of W workers, up to their next open record.

    Args:
        encoder: Careers to tokens.
        panel: Careers with K open records each.
        draws: Paths of each worker, D.

    Attributes:
        closed: Columns drawn so far, (W, D, k), or (W, 1, 0) before the first record is closed.
        education: Places in `levels` drawn so far, (W, D, k or k + 1).
        levels: The levels of education that are drawn among.
    """

    def __init__(self, encoder: CareerEncoder, panel: Panel, draws: int) -> None:
        self._encoder, self._panel, self._draws = encoder, panel, draws
        self.closed = np.empty((panel.workers, 1, 0), dtype=np.intp)
        self.education = np.empty((panel.workers, 1, 0), dtype=np.intp)
        self.levels: tuple[str, ...] = ()

    def append(self, occupation: Tensor) -> None:
        """Close the next open record of every path, (W, D) columns."""
        self.part_ways()
        self.closed = np.dstack([self.closed, occupation.cpu().numpy()])

    def part_ways(self) -> None:
        """Let the paths of a worker differ from now on."""
        times = self._draws // self.closed.shape[1]
        self.closed, self.education = (np.repeat(of, times, axis=1) for of in (self.closed, self.education))

    def texts(self) -> tuple[list[EncodedCareer], NDArray[np.intp]]:
        """The distinct texts of the paths, and which of them is the text of each path, (W times D,)."""
        careers, of_path = self.careers()
        return self.encoded(careers), of_path

    def encoded(self, careers: Panel) -> list[EncodedCareer]:
        """The text of the last record of each career."""
        return [windows[-1] for windows in by_worker(encode(self._encoder, careers))]

    def careers(self) -> tuple[Panel, NDArray[np.intp]]:
        """The distinct careers up to the next open record, and which of them is the career of each path."""
        workers, draws, years = self.closed.shape
        known = self.education.shape[2]
        histories = np.column_stack(
            [
                np.repeat(np.arange(workers), draws),
                self.closed.reshape(workers * draws, years),
                self.education.reshape(workers * draws, known),
            ]
        )
        distinct, of_path = np.unique(histories, axis=0, return_inverse=True)
        careers = careers_so_far(self._panel, distinct[:, 0], distinct[:, 1 : years + 1])
        return with_education(careers, distinct[:, years + 1 :], years + 1, self.levels), of_path.ravel()


def with_education(careers: Panel, drawn: NDArray[np.intp], ahead: int, levels: Sequence[str]) -> Panel:
    """Careers with another education in the first of their last records.

    Args:
        careers: P careers.
        drawn: Places in `levels` of the education of k records, (P, k); `KEPT` where it stays.
        ahead: How many records of each career the k are the first of.
        levels: The levels.
    """
    if not drawn.shape[1]:
        return careers
    ends = np.cumsum(careers.records.group_by("worker", maintain_order=True).len()["len"].to_numpy().astype(np.intp))
    rows = (ends - ahead)[:, None] + np.arange(drawn.shape[1])
    education = careers.records["education"].to_numpy().copy()
    changes = drawn != KEPT
    education[rows[changes]] = np.array(levels, dtype=object)[drawn[changes]]
    return careers.with_records(careers.records.with_columns(pl.Series("education", education, pl.String)))
