"""Education of the years to come, drawn from a small transition model: models over codes take it as given.

    chain = EducationChain.fit(panel)
    simulate(fitted, careers, years=range(2026, 2031), education=chain)

The chain knows the last level and the age, not the occupation: P(level in the next record | level, age group), counted
on the training careers and shrunk toward what all ages have.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import OptionError, PanelError
from laborllm.forecasting.simulation.draws import worker_uniforms
from laborllm.models.contract import Forecaster
from laborllm.models.runs.run_folder import FitRecord
from laborllm.models.runs.seen import may_know, never_saw
from laborllm.panel import Panel
from laborllm.panel.order import first_records

AGES = (20, 23, 26, 30, 40)
"""Where a new age group begins; an unknown age is the last group."""
STRENGTH = 10.0  # records of all ages that each row of an age group is shrunk by


@dataclass(frozen=True)
class EducationChain:
    """How education continues, from one record to the next.

    Attributes:
        levels: The L levels.
        table: P(next level | level, age group), (A, L, L); rows sum to one.

    Examples:
        >>> import laborllm as ll
        >>> chain = ll.EducationChain.fit(ll.import_synthetic(workers=100))
        >>> bool(abs(chain.table.sum(axis=2) - 1).max() < 1e-9)
        True
    """

    levels: tuple[str, ...]
    table: NDArray[np.float64]

    @classmethod
    def fit(cls, panel: Panel) -> Self:
        """Count on the careers of split train.

        Args:
            panel: The careers.

        Returns:
            The chain.

        Raises:
            PanelError: No training worker has two records with a known education.

        Examples:
            >>> import laborllm as ll
            >>> len(ll.EducationChain.fit(ll.import_synthetic(workers=100)).levels)
            5
        """
        records = panel.subset("train").observed().records
        levels = tuple(records["education"].drop_nulls().unique().sort())
        level, age = _columns(records, levels)
        follows = ~first_records(records)[1:] & (level[1:] < len(levels)) & (level[:-1] < len(levels))
        if not follows.any():
            raise PanelError("no training worker has two records with a known education: there is nothing to count")
        counts = np.zeros((len(AGES) + 1, len(levels), len(levels)))
        np.add.at(counts, (age[1:][follows], level[:-1][follows], level[1:][follows]), 1)
        overall = counts.sum(axis=0) + 1e-6 * np.eye(len(levels))  # who has a level that nobody left stays
        overall /= overall.sum(axis=1, keepdims=True)
        table = counts + STRENGTH * overall
        return cls(levels, table / table.sum(axis=2, keepdims=True))

    def draw(self, panel: Panel, ways: int, *, seed: int) -> Iterator[Panel]:
        """Draw the education of the open records of every career, each from the record before, in several ways.

        Args:
            panel: Careers with K open records each.
            ways: How many times to draw.
            seed: Seed of the draws. The numbers of a worker do not depend on who else is in the panel.

        Yields:
            The careers with that education; where the last observed level is not known to the chain, nothing changes.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=100)
            >>> opened = panel.open(years=[2023])
            >>> [drawn.workers for drawn in ll.EducationChain.fit(panel).draw(opened, 2, seed=0)]
            [100, 100]
        """
        records, none = panel.records, len(self.levels)
        is_open = records["occupation"].is_null().to_numpy()
        workers = records["worker"].unique(maintain_order=True).to_list()
        level, age = _columns(records, self.levels)
        opened = np.flatnonzero(is_open).reshape(len(workers), -1)  # (W, K) rows
        ages, heights = age[opened], self.table.cumsum(axis=2)
        uniform = worker_uniforms(workers, ways, opened.shape[1], seed=seed)  # (K, W, ways)
        at_origin = np.where(opened[:, 0] > 0, level[opened[:, 0] - 1], none)
        at_origin[first_records(records)[opened[:, 0]]] = none
        for way in range(ways):
            drawn, before = level.copy(), at_origin
            known = np.flatnonzero(before < none)
            for year in range(opened.shape[1]):
                below = heights[ages[known, year], before[known]] <= uniform[year, known, way, None]
                before = before.copy()
                before[known] = below.sum(axis=1).clip(max=none - 1)
                drawn[opened[known, year]] = before[known]
            names = np.array([*self.levels, None], dtype=object)[drawn]
            changes = pl.Series(is_open & (drawn < none))
            education = pl.when(changes).then(pl.Series(names, dtype=pl.String)).otherwise("education")
            yield panel.with_records(records.with_columns(education.alias("education")))


@dataclass(frozen=True)
class EducationByModel:
    """Education as a language model trained on whole texts continues it: P(level | the text so far).

    The levels are scored as they would stand in the line of the open record, and normalised over them. A record whose
    education is none of the levels keeps it.

    Attributes:
        levels: The levels to draw among.

    Raises:
        OptionError: Fewer than two levels, or one twice.

    Examples:
        >>> import laborllm as ll
        >>> ll.EducationByModel(("high school", "college")).levels
        ('high school', 'college')
    """

    levels: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.levels) < 2 or len(set(self.levels)) < len(self.levels):
            raise OptionError(f"education is drawn among at least two different levels, not {list(self.levels)}")

    def known_to(self, model: Forecaster) -> tuple[str, ...]:
        """The levels, each of which the model has seen.

        Args:
            model: A fitted model.

        Returns:
            The levels.

        Raises:
            PanelError: The model never saw one of the levels.

        Examples:
            >>> import laborllm as ll
            >>> fitted = ll.fit("transition", ll.import_synthetic(workers=100))
            >>> ll.EducationByModel(("high school", "some college")).known_to(fitted)
            ('high school', 'some college')
        """
        record = getattr(model, "record", None)
        seen = record.seen if isinstance(record, FitRecord) else {}
        for level in self.levels:
            if not may_know(seen, "education", level):
                raise PanelError(never_saw(seen, "education", level))
        return self.levels


def _columns(records: pl.DataFrame, levels: tuple[str, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The level of each record, (n,), L where it is none of them, and its age group, (n,)."""
    place = {name: at for at, name in enumerate(levels)}
    level = records["education"].replace_strict(place, default=len(levels), return_dtype=pl.Int64).to_numpy().copy()
    years = records.select((pl.col("year") - pl.col("birth_year")).cast(pl.Float64).fill_null(np.inf)).to_series()
    return level, np.searchsorted(AGES, years.to_numpy(), "right")
