"""Extraction: does a model, given how a career begins, write the rest of it down, and of whom it was trained on rather
than of others?

The attacker knows the covariates of a person and the first records, and takes the occupation that the model thinks most
probable, record after record (Carlini et al., arXiv 2012.07805, with the greedy choice for samples). Many careers go on
as anyone would guess, so what counts is how many more of those trained on are completed than of people held out, and
among them those who moved.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import OptionError, PanelError
from laborllm.models.contract import Forecaster
from laborllm.panel import Panel
from laborllm.privacy import SMALLEST_CELL

GIVEN, RECORDS = 1, 5
INTERVAL = (0.025, 0.975)
DRAWS = 1000
TOGETHER = 256  # careers continued at a time

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Extraction:
    """How many careers a model completes without an error.

    Attributes:
        given: Records that the attacker knows.
        records: Records after them that are to be completed.
        members: People who were trained on.
        others: People held out.
        of_members: Share of the former whose records are completed, every one.
        of_others: Share of the latter.
        low: Lower end of the 95 % interval of the difference, drawing people.
        high: Upper end.
        moved_members: People trained on who changed their occupation within these records.
        moved_others: People held out who did.
        of_moved_members: Share completed of those who moved and were trained on.
        of_moved_others: Share of those who moved and were held out.
    """

    given: int
    records: int
    members: int
    others: int
    of_members: float
    of_others: float
    low: float
    high: float
    moved_members: int
    moved_others: int
    of_moved_members: float
    of_moved_others: float

    @property
    def shown(self) -> dict[str, float | None]:
        """The fields; those of who moved are None where too few did, or did not."""
        fields: dict[str, float | None] = dict(vars(self))
        sides = ((self.members, self.moved_members), (self.others, self.moved_others))
        small = [size for people, moved in sides for size in (moved, people - moved) if size < SMALLEST_CELL]
        return fields | (dict.fromkeys(name for name in fields if "moved" in name) if small else {})


def extract(
    model: Forecaster, panel: Panel, *, people: int, given: int = GIVEN, records: int = RECORDS, seed: int = 0
) -> Extraction:
    """Let a model complete careers of splits train and test.

    Args:
        model: Any fitted model.
        panel: The panel that it was fitted on.
        people: How many of either split, drawn by the seed.
        given: Records that the attacker knows.
        records: Records to complete.
        seed: Draws people, and intervals.

    Returns:
        The shares that are completed.

    Raises:
        OptionError: Fewer than ten people are asked for.
        PanelError: Fewer than ten people of a split have that many records.
    """
    if people < SMALLEST_CELL:
        raise OptionError(f"careers of {people} people are to be completed: it takes {SMALLEST_CELL} or more")
    train, test = (
        completed(model, _beginnings(panel, split, given + records, people, seed), records)
        for split in ("train", "test")
    )
    return compare(train, test, given=given, records=records, seed=seed)


@dataclass(frozen=True)
class Completed:
    """Which careers were completed, of n people.

    Attributes:
        right: Whether all records were completed, (n,).
        moved: Whether the person moved within them, (n,).
    """

    right: Bools
    moved: Bools


def completed(model: Forecaster, careers: Panel, records: int) -> Completed:
    """Complete the last records of careers, each by what is most probable after those before.

    Args:
        model: Any fitted model.
        careers: Careers of one length.
        records: How many of their last records to complete.

    Returns:
        Whose were completed without an error.
    """
    length = len(careers) // careers.workers
    parts = [_complete(model, part, length, records) for part in careers.portions(TOGETHER * length)]
    return Completed(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("right", "moved")))


def compare(train: Completed, test: Completed, *, given: int, records: int, seed: int) -> Extraction:
    """The shares completed of people trained on and of people held out.

    Args:
        train: People trained on.
        test: People held out.
        given: Records that the attacker knew.
        records: Records completed.
        seed: Draws people for the interval.

    Returns:
        The shares.
    """
    generator = np.random.default_rng(seed)
    drawn = [generator.binomial(len(side.right), side.right.mean(), DRAWS) / len(side.right) for side in (train, test)]
    low, high = np.quantile(drawn[0] - drawn[1], INTERVAL)
    return Extraction(
        given=given,
        records=records,
        members=len(train.right),
        others=len(test.right),
        of_members=float(train.right.mean()),
        of_others=float(test.right.mean()),
        low=float(low),
        high=float(high),
        moved_members=int(train.moved.sum()),
        moved_others=int(test.moved.sum()),
        of_moved_members=_share(train),
        of_moved_others=_share(test),
    )


def _share(side: Completed) -> float:
    """The share completed of those who moved; zero where nobody did."""
    return float(side.right[side.moved].mean()) if side.moved.any() else 0.0


def _beginnings(panel: Panel, split: str, records: int, people: int, seed: int) -> Panel:
    """The first records of people of a split who have as many."""
    observed = panel.subset(split).observed()
    first = observed.records.filter(
        (pl.len().over("worker") >= records) & (pl.int_range(pl.len()).over("worker") < records)
    )
    if first["worker"].n_unique() < SMALLEST_CELL:
        raise PanelError(f"split {split} has fewer than {SMALLEST_CELL} workers of {records} records or more")
    return observed.part(first).sample(people, seed=seed)


def _complete(model: Forecaster, careers: Panel, length: int, records: int) -> Completed:
    from laborllm.models.rescored import start_paths  # loads torch

    place = pl.int_range(pl.len()).over("worker")
    code = pl.when(place < length - records).then(pl.col("occupation"))
    paths = start_paths(model, careers.part(careers.records.with_columns(occupation=code)), 1)
    guesses = []
    for record in range(records):
        guess = paths.probability().argmax(dim=-1).expand(careers.workers, 1)  # (W, 1)
        guesses.append(guess.cpu().numpy())
        if record < records - 1:
            paths.append(guess)
    columns = careers.taxonomy.columns(careers.records["occupation"]).reshape(-1, length)  # (W, length)
    right = np.concatenate(guesses, axis=1) == columns[:, length - records :]
    moved = (np.diff(columns[:, length - records - 1 :], axis=1) != 0).any(axis=1)
    return Completed(right.all(axis=1), moved)
