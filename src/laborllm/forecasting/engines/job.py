"""A long result as independent shards, which any process that sees the panel and the folder can compute."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from laborllm.forecasting.engines.shards import Part, Shards
from laborllm.panel import Panel
from laborllm.panel.files.store import PanelFile

Compute = Callable[[Panel], Part]
"""Computes the part of some careers. It pickles, as a bound method of a fitted model does."""


class Span(NamedTuple):
    """Where the careers of a shard lie.

    Attributes:
        number: Place of the shard.
        start: First row of the panel file.
        end: The row after the last.
    """

    number: int
    start: int
    end: int


class Done(NamedTuple):
    """A shard that was written.

    Attributes:
        number: Its place.
        records: How many records of the panel it is of.
        sha256: Hash of its file.
    """

    number: int
    records: int
    sha256: str


@dataclass(frozen=True)
class Job:
    """What a process needs to compute any shard of a result. It pickles.

    Attributes:
        compute: Computes the part of some careers.
        careers: The file with all of them.
        shards: The folder to write to.
    """

    compute: Compute
    careers: PanelFile
    shards: Shards

    @classmethod
    def of(cls, compute: Compute, careers: PanelFile, shards: Shards) -> Self:
        """A job without the hashes of what is done, which only the process that hands out shards needs.

        Args:
            compute: Computes the part of some careers.
            careers: The file with all of them.
            shards: The folder to write to.
        """
        return cls(compute, careers, replace(shards, hashes={}))

    def run(self, span: Span) -> Done:
        """Compute and write one shard."""
        careers = self.careers.rows(span.start, span.end)
        return save_shard(self.compute, careers, self.shards, span.number)


def save_shard(compute: Compute, careers: Panel, shards: Shards, number: int) -> Done:
    """Compute one shard and write it to its place; the manifest is left to the process that hands out shards.

    Args:
        compute: Computes the part of some careers.
        careers: Those of the shard.
        shards: The folder to write to.
        number: Place of the shard, from 0.
    """
    return Done(number, len(careers), shards.write(number, compute(careers)))
