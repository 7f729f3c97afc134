"""Paths of a language model over career texts, which reads what is new of each text."""

from collections.abc import Callable, Sequence
from itertools import takewhile

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from laborllm.errors import PanelError
from laborllm.lm.scoring.next_titles import NextTitles
from laborllm.lm.tokens.encoding import Tokens
from laborllm.models.language.path_texts import KEPT, PathTexts
from laborllm.panel import Panel


class LanguagePaths:
    """D paths of each of W workers.

    Args:
        titles: Scores the next title of texts.
        panel: Careers with K open records each.
        draws: Paths of each worker, D.

    Attributes:
        texts: The texts of the paths.
    """

    def __init__(self, titles: NextTitles, panel: Panel, draws: int) -> None:
        self._titles, self._draws = titles, draws
        self.texts = PathTexts(titles.model.encoder, panel, draws)

    def probability(self) -> Tensor:
        """The distribution of the next open record, (W, D, J), or (W, 1, J) before the first record is closed."""
        return self._of_paths(lambda log_prob: log_prob.softmax(dim=1))

    def raw_probability(self) -> Tensor:
        """The probabilities of the titles as texts, of the shape of `probability`: rows sum to the raw mass."""
        return self._of_paths(torch.exp)

    def draw(self, uniform: Tensor, previous: Tensor) -> Tensor:
        """Draw the next open record of every path token by token, which reads some of the titles instead of all.

        Args:
            uniform: (W, D) draws from the unit interval.
            previous: (W, D) columns of the occupations before.
        """
        texts, of_path = self.texts.texts()
        of_path = np.repeat(
            of_path.reshape(self.texts.closed.shape[:2]), self._draws // self.texts.closed.shape[1], axis=1
        )
        drawn = self._titles.draw(
            texts, of_path.ravel(), previous.cpu().numpy().ravel(), uniform.cpu().double().numpy().ravel()
        )
        return torch.from_numpy(drawn).view(previous.shape)

    def draw_education(self, levels: Sequence[str], uniform: Tensor) -> None:
        """Draw the education of the next open record of every path, given its text so far.

        Args:
            levels: The L levels to draw from.
            uniform: (W, D) draws from the unit interval.
        """
        self.texts.part_ways()
        place = {level: at for at, level in enumerate(levels)}
        careers, of_path = self.texts.careers()
        known = np.array([education in place for education in _last_education(careers)])
        drawn, moves = np.full(len(of_path), KEPT), np.flatnonzero(known[of_path])
        if len(moves):
            heights = self._of_levels(careers, known, levels).cumsum(axis=1)  # (known texts, L)
            row = (np.cumsum(known) - 1)[of_path[moves]]
            drawn[moves] = (heights[row, :-1] <= uniform.cpu().numpy().ravel()[moves, None]).sum(axis=1)
        self.texts.levels = tuple(levels)
        self.texts.education = np.dstack([self.texts.education, drawn.reshape(*self.texts.closed.shape[:2], 1)])

    def append(self, occupation: Tensor) -> None:
        """Close the next open record of every path."""
        self.texts.append(occupation)

    def _of_paths(self, of_texts: Callable[[Tensor], Tensor]) -> Tensor:
        """What is made of the log-probability of every title after each text, (b, J), for every path, (W, D, J)."""
        texts, of_path = self.texts.texts()
        log_prob = torch.from_numpy(self._titles.score(texts).log_prob)
        return of_texts(log_prob)[torch.from_numpy(of_path)].view(*self.texts.closed.shape[:2], -1)

    def _of_levels(self, careers: Panel, known: NDArray[np.bool_], levels: Sequence[str]) -> NDArray[np.float64]:
        """P(level of the last record | the text before it) of the careers that are asked for, (b, L)."""
        some = careers.part(careers.records.filter(pl.Series(known)[careers.records["worker"].rle_id()]))
        versions = [self.texts.encoded(_with_last_education(some, level)) for level in levels]
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
