"""Versions of a panel: what a question changes of it before a fit or before a forecast.

A version is a name and a list of changes, so it hashes and has a key; the panel itself is made when it is needed.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import reduce
from typing import Any, Literal, Protocol, Self

import polars as pl

from laborllm.errors import PanelError
from laborllm.panel import Addition, Panel, assign_split, mix
from laborllm.panel.pooling import Draw
from laborllm.panel.schema import COVARIATES, STATIC
from laborllm.panel.split import folds_of
from laborllm.studies.protocol.draws import recent_windows

ByName = Callable[[str], Panel]


class Change(Protocol):
    """What is done to a panel; a frozen dataclass."""

    def apply(self, panel: Panel, panels: ByName) -> Panel:
        """The panel changed; `panels` gives the other panels of the study.

        Args:
            panel: The panel to change.
            panels: Gives the other panels of the study by name.
        """
        ...


@dataclass(frozen=True)
class Version:
    """A panel of the study and what is changed of it, in order."""

    panel: str
    changes: tuple[Change, ...] = ()

    def __add__(self, change: Change) -> Self:
        return replace(self, changes=(*self.changes, change))

    def make(self, panels: ByName) -> Panel:
        """The panel with all changes."""
        return reduce(lambda panel, change: change.apply(panel, panels), self.changes, panels(self.panel))

    def identity(self, fingerprint: Callable[[str], str]) -> list[Any]:
        """What the version is, for a key: the fingerprints of all panels in it, and the changes."""
        changes = [{"change": type(change).__name__, **asdict(change)} for change in self.changes]  # type: ignore[call-overload]
        others = [change.panel for change in self.changes if isinstance(change, Mixed)]
        return [fingerprint(self.panel), *(fingerprint(name) for name in others), *changes]


@dataclass(frozen=True)
class Sampled:
    """`workers` training workers, drawn at random, and all others; or as many test workers with `split` test."""

    workers: int
    seed: int = 0
    split: Literal["train", "test"] = "train"

    def apply(self, panel: Panel, panels: ByName) -> Panel:
        """Keep the workers drawn, and all of the other splits.

        Args:
            panel: The panel to change.
            panels: Gives the other panels of the study by name.
        """
        if self.split == "train":
            return panel.with_training(self.workers, seed=self.seed)
        chosen = panel.subset("test").sample(self.workers, seed=self.seed).records["worker"].unique()
        return panel.part(panel.records.filter((pl.col("split") != "test") | pl.col("worker").is_in(chosen.implode())))


@dataclass(frozen=True)
class Share:
    """A share of the training workers, drawn at random, and all others."""

    share: float
    seed: int = 0

    def apply(self, panel: Panel, panels: ByName) -> Panel:
        """Keep that share of the training workers, and all of the other splits.

        Args:
            panel: The panel to change.
            panels: Gives the other panels of the study by name.
        """
        workers = max(1, round(self.share * panel.subset("train").workers))
        return panel.with_training(workers, seed=self.seed)


@dataclass(frozen=True)
class Resampled:
    """Training households, or workers, drawn with replacement, as many as there are; all others as they are.

    Some 37 % of them are left out. A worker drawn several times is several workers.
    """

    seed: int

    def apply(self, panel: Panel, panels: ByName) -> Panel:
        """Draw the training workers, and keep all of the other splits.

        Args:
            panel: The panel to change.
            panels: Gives the other panels of the study by name.
        """
        return panel.resampled(seed=self.seed)


@dataclass(frozen=True)
class Until:
    """Training and validation records up to a year; the careers of test workers whole."""

    year: int

    def apply(self, panel: Panel, panels: ByName) -> Panel:
        """Leave out the training and validation records after the year.

        Args:
            panel: The panel to change.
            panels: Gives the other panels of the study by name.
        """
        return panel.part(panel.records.filter((pl.col("split") == "test") | (pl.col("year") <= self.year)))


@dataclass(frozen=True)
class Resplit:
    """Another split: fold `fold` of `folds` is split test, an eighth of the others split valid.

    Folds are drawn by what the panel's split is by, such as household.
    """

    seed: int
    fold: int
    folds: int

    def apply(self, panel: Panel, panels: ByName) -> Panel:
        """Assign the splits.

        Args:
            panel: The panel to change.
            panels: Gives the other panels of the study by name.
        """
        records = panel.records.drop("split")
        inner = assign_split(records, seed=self.seed, by=panel.split_by)  # for split valid of the others
        mine = folds_of(records, panel.split_by, seed=self.seed, folds=self.folds) == self.fold
        within = pl.when(pl.col("split") == "valid").then(pl.lit("valid")).otherwise(pl.lit("train"))
        split = pl.when(mine).then(pl.lit("test")).otherwise(within).alias("split")
        return panel.with_records(inner.with_columns(split))


@dataclass(frozen=True)
class ByWorker:
    """The split by worker, without the training workers of a household with a test worker; or, not `siblings`, without
    as many others, drawn at random. The two tell what leaks from siblings from what fewer workers cost."""

    siblings: bool
    seed: int = 0

    def apply(self, panel: Panel, panels: ByName) -> Panel:
        """Assign the split by worker, and leave out the training workers.

        Args:
            panel: The panel to change.
            panels: Gives the other panels of the study by name.
        """
        split = assign_split(panel.records.drop("split"), seed=self.seed)
        tested = split.filter(split="test")["household"].drop_nulls().unique()
        train = split.filter(split="train").unique("worker", maintain_order=True)
        related = train.filter(pl.col("household").is_in(tested.implode()))["worker"]
        others = train.filter(~pl.col("worker").is_in(related.implode()))["worker"]
        out = related if self.siblings else others.sample(min(len(related), len(others)), seed=self.seed)
        kept = split.filter(~pl.col("worker").is_in(out.implode()))
        return replace(panel, records=kept, split_by="worker")


@dataclass(frozen=True)
class Mixed:
    """Training workers of another panel of the study added."""

    panel: str
    share: float
    draw: Draw = "alike"
    seed: int = 0

    def apply(self, panel: Panel, panels: ByName) -> Panel:
        """Add workers of the other panel.

        Args:
            panel: The panel to change.
            panels: Gives the other panels of the study by name.
        """
        return mix(panel, [Addition(panels(self.panel), self.share, self.draw)], seed=self.seed)


@dataclass(frozen=True)
class Hidden:
    """A covariate that is not known of test workers, or with `permuted` is another worker's.

    What is fixed over a life is exchanged between workers, the rest between records of a year.
    """

    covariate: str
    permuted: bool = False
    seed: int = 0

    def apply(self, panel: Panel, panels: ByName) -> Panel:
        """Hide or permute the covariate.

        Args:
            panel: The panel to change.
            panels: Gives the other panels of the study by name.
        """
        if self.covariate not in COVARIATES:
            raise PanelError(f"{self.covariate!r} is no covariate: use {', '.join(COVARIATES)}")
        test, others = panel.records.filter(split="test"), panel.records.filter(pl.col("split") != "test")
        return panel.with_records(pl.concat([others, self._changed(test)]))

    def _changed(self, test: pl.DataFrame) -> pl.DataFrame:
        if not self.permuted:
            return test.with_columns(pl.lit(None, test.schema[self.covariate]).alias(self.covariate))
        if self.covariate in STATIC:
            each = test.group_by("worker", maintain_order=True).agg(pl.col(self.covariate).first())
            drawn = each.with_columns(pl.col(self.covariate).shuffle(seed=self.seed))
            return test.drop(self.covariate).join(drawn, on="worker", maintain_order="left").select(test.columns)
        return test.with_columns(pl.col(self.covariate).shuffle(seed=self.seed).over("year"))


@dataclass(frozen=True)
class Recent:
    """Each test record as a career of its own, with the last `last` records, or years, before it."""

    last: int
    unit: Literal["records", "years"] = "records"

    def apply(self, panel: Panel, panels: ByName) -> Panel:
        """Cut the test careers into windows.

        Args:
            panel: The panel to change.
            panels: Gives the other panels of the study by name.
        """
        return panel.with_records(recent_windows(panel.subset("test").records, self.last, self.unit))
