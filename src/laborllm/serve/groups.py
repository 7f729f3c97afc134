"""Groups of people: at least ten, and none that differs from one asked for of late by a few people.

The difference of two such answers would be the forecast of the few. Groups are remembered for an hour, as hashes with
a salt that ends with the process. A list that has the same people by years and covariates is the same list, so that
titles may be corrected; one whose people have other occupations is another list, however alike their years are. A
client may ask for a hundred lists in that time: it can neither ask until its first ones are forgotten, nor combine a
great many.
"""

import hashlib
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, product

import numpy as np

from laborllm.errors import InputError
from laborllm.privacy import SMALLEST_CELL
from laborllm.serve.inputs.careers import Worker

SECONDS = 3600.0  # how long a request is remembered
REMEMBERED = 2_000  # lists of all clients
NEW = 100  # lists that a client may ask for in that time
DIGEST = 8  # bytes

Digests = bytes
"""Sorted hashes, one after the other."""


@dataclass(frozen=True)
class Members:
    """Who is in a group.

    Attributes:
        people: Of each person the years and covariates.
        careers: Of each person the occupations too.
    """

    people: Digests
    careers: Digests


class GroupError(InputError):
    """A group that is too small, or too near to one that was asked for before."""


class ManyGroupsError(InputError):
    """A client has asked for as many groups as it may. `seconds`: when it may ask for another."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{NEW} lists of people were asked for in an hour, which is as many as may be: go on later")
        self.seconds = seconds


@dataclass(eq=False)
class Groups:
    """The groups of each request that was answered of late: all people of it together, and each group."""

    _salt: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    _recent: OrderedDict[tuple[str, frozenset[Members]], float] = field(default_factory=OrderedDict)

    def admit(self, workers: Sequence[Worker], labels: Sequence[str], client: str, now: float | None = None) -> None:
        """Remember the groups of a request.

        Args:
            workers: The people.
            labels: The group of each.
            client: Who asks.
            now: Seconds on a clock that only goes forward; default: the machine's.

        Raises:
            GroupError: A group has fewer than ten people, or differs from another by fewer than ten.
            ManyGroupsError: The client has asked for as many groups as it may.
        """
        now = time.monotonic() if now is None else now
        self._forget(now)
        sizes = Counter(labels)
        for size in sizes.values():
            if size < SMALLEST_CELL:
                raise GroupError(
                    f"a group has {size} {'person' if size == 1 else 'people'}: each needs at least {SMALLEST_CELL}"
                )
        asked = frozenset(self._members(workers, labels, label) for label in (None, *sizes))
        self._require_apart(asked)
        self._require_few(asked, client, now)
        self._recent[client, asked] = now
        self._recent.move_to_end((client, asked))

    def _forget(self, now: float) -> None:
        while self._recent and (len(self._recent) > REMEMBERED or now - next(iter(self._recent.values())) > SECONDS):
            self._recent.popitem(last=False)

    def _require_apart(self, asked: frozenset[Members]) -> None:
        same = _people(asked)  # asked again, perhaps with titles corrected
        others = [before for _, before in self._recent if _people(before) != same]
        for members, other in product(asked, chain.from_iterable(others)):
            if _differ_by_few(members, other):
                raise GroupError(
                    f"this group differs from one asked for before by fewer than {SMALLEST_CELL} people, whose "
                    "forecast the difference would show"
                )

    def _require_few(self, asked: frozenset[Members], client: str, now: float) -> None:
        own = {before: when for (who, before), when in self._recent.items() if who == client}
        if asked not in own and len(own) >= NEW:
            raise ManyGroupsError(SECONDS - (now - min(own.values())))

    def _members(self, workers: Sequence[Worker], labels: Sequence[str], label: str | None) -> Members:
        """The people of a group, or of all."""
        chosen = [worker for worker, group in zip(workers, labels, strict=True) if label in (None, group)]
        people = [repr([(row[0], *row[2:]) for row in worker.rows]) for worker in chosen]
        return Members(self._digests(people), self._digests([repr(worker.rows) for worker in chosen]))

    def _digests(self, said: Sequence[str]) -> Digests:
        """Salted hashes; those that are alike are numbered."""
        copies: Counter[str] = Counter()
        found = []
        for each in said:
            text = f"{each}\n{copies[each]}".encode()
            found.append(hashlib.blake2b(text, key=self._salt, digest_size=DIGEST).digest())
            copies[each] += 1
        return b"".join(sorted(found))


def _people(groups: frozenset[Members]) -> frozenset[Digests]:
    return frozenset(group.people for group in groups)


def _differ_by_few(one: Members, two: Members) -> bool:
    """Whether fewer than ten people are in one group only, and the others have the same careers but for a few."""
    return 0 < _apart(one.people, two.people) < SMALLEST_CELL and _apart(one.careers, two.careers) < SMALLEST_CELL


def _apart(one: Digests, two: Digests) -> int:
    """How many hashes are in one of two only, or a number that is at most that and not small."""
    if (lengths := abs(len(one) - len(two)) // DIGEST) >= SMALLEST_CELL:
        return lengths
    first, second = (np.frombuffer(digests, dtype=np.uint64) for digests in (one, two))
    return len(np.setxor1d(first, second, assume_unique=True))
