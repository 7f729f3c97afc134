"""Groups of people: at least ten, and none that differs from one asked for of late by a few people.

The difference of two such answers would be the forecast of the few. Groups are remembered for an hour, as hashes with
a salt that ends with the process; of a person only the years and covariates count, so that a title may be corrected.
"""

import hashlib
import secrets
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, product

from laborllm.errors import InputError
from laborllm.privacy import SMALLEST_CELL
from laborllm.serve.inputs.careers import Worker

REMEMBERED, SECONDS = 200, 3600.0  # requests, and for how long

Members = frozenset[bytes]


class GroupError(InputError):
    """A group that is too small, or too near to one that was asked for before."""


@dataclass(eq=False)
class Groups:
    """The groups of each request that was answered of late."""

    _salt: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    _recent: deque[tuple[float, frozenset[Members]]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def admit(self, workers: Sequence[Worker], labels: Sequence[str], now: float | None = None) -> None:
        """Remember the groups of a request.

        Args:
            workers: The people.
            labels: The group of each.
            now: Seconds on a clock that only goes forward; default: the machine's.

        Raises:
            GroupError: A group has fewer than ten people, or differs from another by fewer than ten.
        """
        now = time.monotonic() if now is None else now
        while self._recent and now - self._recent[0][0] > SECONDS:
            self._recent.popleft()
        sizes = Counter(labels)
        for size in sizes.values():
            if size < SMALLEST_CELL:
                raise GroupError(f"a group has {size} people: each needs at least {SMALLEST_CELL}")
        asked = frozenset(self._members(workers, labels, label) for label in (None, *sizes))
        others = [before for _, before in self._recent if before != asked]  # to ask again tells nothing new
        for members, other in product(asked, chain.from_iterable(others)):
            if 0 < len(members ^ other) < SMALLEST_CELL:
                raise GroupError(
                    f"this group differs from one asked for before by fewer than {SMALLEST_CELL} people, whose "
                    "forecast the difference would show"
                )
        self._recent.append((now, asked))

    def _members(self, workers: Sequence[Worker], labels: Sequence[str], label: str | None) -> Members:
        """Salted hashes of the people of a group, or of all."""
        said = [
            repr([(row[0], *row[2:]) for row in worker.rows])
            for worker, group in zip(workers, labels, strict=True)
            if label in (None, group)
        ]
        copies: Counter[str] = Counter()
        members = set()
        for person in said:
            members.add(hashlib.blake2b(f"{person}\n{copies[person]}".encode(), key=self._salt).digest())
            copies[person] += 1
        return frozenset(members)
