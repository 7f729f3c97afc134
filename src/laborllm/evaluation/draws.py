"""Draws of clusters, made once and kept in a file, so that memory holds those of some clusters at a time."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import IO

import numpy as np
from numpy.typing import NDArray

from laborllm.errors import OptionError
from laborllm.evaluation.arrays import Indices, Numbers
from laborllm.evaluation.scores.blocks import room_for

FEWEST_DRAWS = 40  # below that, the 2.5 % quantile lies outside the draws
CHUNK = 1_000_000  # multiplicities held at once

Counts = NDArray[np.uint8]


def require_draws(draws: int) -> None:
    """Raise `OptionError` for draws that are too few to bound an interval: call it before long work, not after."""
    if draws < FEWEST_DRAWS:
        raise OptionError(f"{draws} bootstrap draws cannot bound a 95 % interval: use {FEWEST_DRAWS} or more")


@dataclass(frozen=True)
class Draws:
    """Draws of clusters with replacement, the same for every statistic asked of them.

    Attributes:
        clusters: How many there are.
        stratum: The stratum of each cluster as numbers 0, 1, ..., (clusters,); None: clusters are drawn from all.
        draws: How many draws.
        seed: Of the draws.
    """

    clusters: int
    stratum: Indices | None = None
    draws: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        require_draws(self.draws)

    def totals(self, sums: Iterable[tuple[Indices, Numbers]]) -> Numbers:
        """Totals over all clusters, and over those of each draw.

        Args:
            sums: Some clusters in ascending order, (k,), and a table of sums over each, (k, ...), part by part: what a
                cluster has in several parts is added up.

        Returns:
            (1 + draws, ...), the totals of all clusters first.

        Raises:
            StorageError: The draws cannot be written.
        """
        found: Numbers | float = 0.0
        together = max(1, CHUNK // self.draws)
        for cluster, table in sums:
            for start in range(0, max(1, len(cluster)), together):
                rows = slice(start, start + together)
                found = found + np.tensordot(self._counts(cluster[rows]), table[rows], axes=(0, 0))
        return np.asarray(found)

    def _counts(self, cluster: Indices) -> Numbers:
        """What some clusters count for in all of them, which is one, and in each draw, (k, 1 + draws)."""
        runs = np.split(cluster, np.flatnonzero(np.diff(cluster) != 1) + 1)
        file = self._file.fileno()
        read = b"".join(os.pread(file, len(run) * self.draws, int(run[0]) * self.draws) for run in runs if len(run))
        counts = np.ones((len(cluster), 1 + self.draws))
        counts[:, 1:] = np.frombuffer(read, np.uint8).reshape(-1, self.draws)
        if self.stratum is not None:
            size = np.bincount(self.stratum)[self.stratum[cluster], None]
            counts[:, 1:] *= size / (size - 1)
        return counts

    @cached_property
    def _file(self) -> IO[bytes]:
        """How often each cluster is drawn in each draw, (clusters, draws), a byte each."""
        together = max(1, CHUNK // self.draws)
        with room_for(tempfile.gettempdir()), tempfile.TemporaryFile() as by_draw:
            for chunk in self._chunks():
                by_draw.write(chunk.tobytes())
            by_draw.flush()
            by_cluster = tempfile.TemporaryFile()  # noqa: SIM115 (closed with what it belongs to)
            for first in range(0, self.clusters, together):
                size = min(together, self.clusters - first)
                places = range(first, self.draws * self.clusters, self.clusters)
                rows = b"".join(os.pread(by_draw.fileno(), size, place) for place in places)
                by_cluster.write(np.frombuffer(rows, np.uint8).reshape(self.draws, size).T.tobytes())
            by_cluster.flush()
        return by_cluster

    def _chunks(self) -> Iterator[Counts]:
        """How often each cluster is drawn, in chunks of (some draws, clusters): as many are drawn as there are, or from
        each stratum one less, each of which then counts for more (Rao and Wu 1988, without a correction for finite
        populations)."""
        generator = np.random.default_rng(self.seed)
        together = max(1, CHUNK // self.clusters)
        places = [] if self.stratum is None else _places(self.stratum)
        for start in range(0, self.draws, together):
            draws = min(together, self.draws - start)
            if self.stratum is None:
                yield _drawn(self.clusters, self.clusters, draws, generator)
                continue
            chunk = np.empty((draws, self.clusters), dtype=np.uint8)
            for place in places:
                chunk[:, place] = _drawn(len(place), len(place) - 1, draws, generator)
            yield chunk


def _places(stratum: Indices) -> list[Indices]:
    """The clusters of each stratum."""
    return [np.flatnonzero(stratum == each) for each in range(int(stratum.max()) + 1)]


def _drawn(clusters: int, chosen: int, draws: int, generator: np.random.Generator) -> Counts:
    """How often each cluster is among `chosen` drawn with replacement, (draws, clusters)."""
    drawn = generator.integers(clusters, size=(draws, chosen)) + clusters * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * clusters).reshape(draws, clusters).astype(np.uint8)
