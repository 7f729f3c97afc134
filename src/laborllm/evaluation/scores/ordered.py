"""Records in another order than that of the panel, sorted in files: memory holds some thousand of them at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, Self, TypeVar

import numpy as np

from laborllm.evaluation.arrays import Bools, Floats, Indices, Numbers
from laborllm.evaluation.scores.blocks import Blocks
from laborllm.storage import temporary_folder

TOGETHER = 2**15  # records sorted at once, about
SAMPLED = 16  # one record in this many decides where ranges end


class Rows(Protocol):
    """What is known of some records."""

    def at(self, rows: slice | Indices | Bools) -> Self:
        """What is known of some of the records."""
        ...

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """What is known of the records of all parts, one part after the other."""
        ...


Kind = TypeVar("Kind", bound=Rows)


@contextmanager
def in_order(parts: Iterable[Kind], key: Callable[[Kind], Floats | Indices]) -> Iterator[list[Blocks[Kind]]]:
    """Yield records by ascending keys.

    Each record goes to the file of a range of keys, and each range is then sorted by itself.

    Args:
        parts: Records, some at a time; gone through twice.
        key: Of each record of a part, (n,).

    Yields:
        Ranges of keys in ascending order, in temporary files. The records of a range are in one block, sorted; if they
        are many of one key, they are in several blocks.
    """
    starts = _starts(np.sort(np.concatenate([key(part)[::SAMPLED] for part in parts])))
    with temporary_folder() as folder:
        ranges = [Blocks[Kind](folder / str(at)) for at in range(len(starts))]
        for part in parts:
            place = np.searchsorted(starts, key(part), "right") - 1
            for at in np.unique(place):
                ranges[at].append(part.at(place == at))
        yield [
            each if start == end else _sorted(each, key, folder / f"{at}-sorted")
            for at, (each, start, end) in enumerate(zip(ranges, starts, _below(starts), strict=True))
        ]


def _starts(sampled: Floats | Indices) -> Numbers:
    """The least key of each range, from a sorted sample of the keys: a key of many records is a range by itself."""
    step = TOGETHER // SAMPLED
    edges = sampled[step::step].astype(np.float64)
    many = edges[1:][edges[1:] == edges[:-1]]
    return np.unique(np.concatenate([[-np.inf], edges, np.nextafter(many, np.inf)]))


def _below(starts: Numbers) -> Numbers:
    """The largest key of each range."""
    return np.asarray(np.nextafter(np.append(starts[1:], np.inf), -np.inf))


def _sorted(parts: Blocks[Kind], key: Callable[[Kind], Floats | Indices], file: Path) -> Blocks[Kind]:
    """The records of all parts as one block, those of one key as they came."""
    found, together = Blocks[Kind](file), list(parts)
    if together:
        joined = together[0].joined(together)
        found.append(joined.at(np.argsort(key(joined), kind="stable")))
    return found
