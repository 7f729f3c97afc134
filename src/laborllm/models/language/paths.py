"""Paths of a language model over career texts: paths that have drawn alike so far share one text.

Each year every text is written and encoded as the careers of a panel are, so its tokens are those of a forecast; the
model reads what is new of it.
"""

from collections.abc import Sequence
from itertools import takewhile

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from laborllm.errors import PanelError
from laborllm.lm.scoring.next_titles import NextTitles
from laborllm.lm.tokens.encoding import EncodedCareer, Tokens, by_worker
from laborllm.models.language.titles import encode
from laborllm.models.rescored import careers_so_far
from laborllm.panel import Panel

KEPT = -1
"""In place of a drawn level of education: the record keeps the one it has."""


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
        self.education = np.empty((panel.workers, 1, 0), dtype=np.intp)  # (W, D, k or k + 1) levels drawn so far
        self._levels: tuple[str, ...] = ()

    def probability(self) -> Tensor:
        """(W, D, J), or (W, 1, J) before the first record is closed."""
        texts, of_path = self._texts()
        log_prob = torch.from_numpy(self._titles.score(texts).log_prob)
        return log_prob.softmax(dim=1)[torch.from_numpy(of_path)].view(*self._closed.shape[:2], -1)

    def draw(self, uniform: Tensor, previous: Tensor) -> Tensor:
        """Draw the next open record of every path token by token, which reads some of the titles instead of all."""
        texts, of_path = self._texts()
        of_path = np.repeat(of_path.reshape(self._closed.shape[:2]), self._draws // self._closed.shape[1], axis=1)
        drawn = self._titles.draw(
            texts, of_path.ravel(), previous.cpu().numpy().ravel(), uniform.cpu().double().numpy().ravel()
        )
        return torch.from_numpy(drawn).view(previous.shape)

    def draw_education(self, levels: Sequence[str], uniform: Tensor) -> None:
        """Draw the education of the next open record of every path, given its text so far."""
        self._part_ways()
        place = {level: at for at, level in enumerate(levels)}
        careers, of_path = self._careers()
        known = np.array([education in place for education in _last_education(careers)])
        drawn, moves = np.full(len(of_path), KEPT), np.flatnonzero(known[of_path])
        if len(moves):
            heights = self._of_levels(careers, known, levels).cumsum(axis=1)  # (known texts, L)
            row = (np.cumsum(known) - 1)[of_path[moves]]
            drawn[moves] = (heights[row, :-1] <= uniform.cpu().numpy().ravel()[moves, None]).sum(axis=1)
        self._levels = tuple(levels)
        self.education = np.dstack([self.education, drawn.reshape(*self._closed.shape[:2], 1)])

    def append(self, occupation: Tensor) -> None:
        """Close the next open record of every path."""
        self._part_ways()
        self._closed = np.dstack([self._closed, occupation.cpu().numpy()])

    def _part_ways(self) -> None:
        """Let the paths of a worker differ from now on."""
        times = self._draws // self._closed.shape[1]
        self._closed, self.education = (np.repeat(of, times, axis=1) for of in (self._closed, self.education))

    def _texts(self) -> tuple[list[EncodedCareer], NDArray[np.intp]]:
        """The distinct texts of the paths, and which of them is the text of each path."""
        careers, of_path = self._careers()
        return self._encoded(careers), of_path

    def _encoded(self, careers: Panel) -> list[EncodedCareer]:
        return [windows[-1] for windows in by_worker(encode(self._titles.model.encoder, careers))]

    def _careers(self) -> tuple[Panel, NDArray[np.intp]]:
        """The distinct careers up to the next open record, and which of them is the career of each path."""
        workers, draws, years = self._closed.shape
        known = self.education.shape[2]
        histories = np.column_stack(
            [
                np.repeat(np.arange(workers), draws),
                self._closed.reshape(workers * draws, years),
                self.education.reshape(workers * draws, known),
            ]
        )
        distinct, of_path = np.unique(histories, axis=0, return_inverse=True)
        careers = careers_so_far(self._panel, distinct[:, 0], distinct[:, 1 : years + 1])
        return with_education(careers, distinct[:, years + 1 :], years + 1, self._levels), of_path.ravel()

    def _of_levels(self, careers: Panel, known: NDArray[np.bool_], levels: Sequence[str]) -> NDArray[np.float64]:
        """P(level of the last record | the text before it) of the careers that are asked for, (b, L)."""
        some = careers.part(careers.records.filter(pl.Series(known)[careers.records["worker"].rle_id()]))
        versions = [self._encoded(_with_last_education(some, level)) for level in levels]
        texts = [text for of_career in zip(*versions, strict=True) for text in of_career]
        starts = []
        for of_career in zip(*versions, strict=True):
            common = _tokens_in_common([text.tokens for text in of_career])
            if any(common == len(text.tokens) for text in of_career):
                raise PanelError("the texts of this model hold no education, so it does not say how it continues")
            starts += [common] * len(levels)
        log_prob = self._titles.score_endings(texts, starts).reshape(-1, len(levels))
        chances: NDArray[np.float64] = np.exp(log_prob - np.logaddexp.reduce(log_prob, axis=1, keepdims=True))
        return chances


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


def _tokens_in_common(texts: Sequence[Tokens]) -> int:
    """How many tokens all texts begin with."""
    together = zip(*texts, strict=False)
    return sum(1 for _ in takewhile(lambda tokens: len(set(tokens)) == 1, together))


def _last_education(careers: Panel) -> list[str | None]:
    return (
        careers.records.group_by("worker", maintain_order=True).agg(pl.col("education").last())["education"].to_list()
    )


def _with_last_education(careers: Panel, level: str) -> Panel:
    is_last = pl.col("occupation").is_null()
    return careers.with_records(
        careers.records.with_columns(pl.when(is_last).then(pl.lit(level)).otherwise("education").alias("education"))
    )
