"""What is known of records, in files: of all blocks of records one at a time is in memory."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from laborllm.errors import StorageError

Kept = TypeVar("Kept")


class Blocks(Generic[Kept]):
    """Something of each block of records, in a file that this process writes and reads.

    Iterating over it reads one after the other, in the order in which they were appended, as often as one likes.

    Args:
        file: Where they stand; nothing is there yet.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def append(self, block: Kept) -> None:
        """Add what is known of the next block. Raises `StorageError` if it cannot be written."""
        with room_for(self._file.parent), self._file.open("ab") as opened:
            pickle.dump(block, opened, pickle.HIGHEST_PROTOCOL)

    def __iter__(self) -> Iterator[Kept]:
        if not self._file.exists():
            return
        with self._file.open("rb") as opened:
            while opened.peek(1):
                yield pickle.load(opened)


@contextmanager
def room_for(folder: str | Path) -> Iterator[None]:
    """Raise `StorageError` for what goes wrong in writing to a folder of temporary files."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot write what is evaluated to {folder}: {error.strerror or error}",
            hint="name a place with more room in TMPDIR",
        ) from error
