"""The folder of a long result, some careers at a time: what has been computed stays when the work is interrupted.

Next to the file to be written is a folder with a shard for each portion of the careers, and a manifest: a line for
the result that they are part of, then one with the hash of each shard. A shard also says itself which result it is
part of, and at which place. One that is torn, changed, or of another place or result is computed again. The portions
follow from the panel, so a result that was interrupted is, byte for byte, the one that went through, whoever computed
it; and no more than one of them is in the memory of a process at a time.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from laborllm.errors import StorageError
from laborllm.panel.parquet.read import UNREADABLE
from laborllm.storage import file_hash, make_folder, new_file

ROWS_TOGETHER = 4096  # of the file: how many are in memory while it is written
MANIFEST = "manifest.jsonl"
UNFINISHED = "unfinished"  # folder of the shards that are being written
LEFTOVER = re.compile(r"\d+\.\d+\.parquet|\.\d+\.\d+\.parquet\.\d+\.partial")  # what a kill leaves in it
MARK = "laborllm.shard"


class Part(Protocol):
    """What was computed of some careers."""

    def save(self, path: Path, about: Mapping[str, str] = ..., /) -> None:
        """Write a Parquet file with `about` in its metadata."""
        ...


@dataclass(frozen=True)
class Shards:
    """The folder of the shards of one result.

    Attributes:
        folder: Where they stand, with their manifest.
        result: Hash of the model, how it forecasts, and the careers.
        hashes: SHA-256 of each shard that the manifest had when the folder was opened, by its number.
    """

    folder: Path
    result: str
    hashes: dict[int, str]

    @classmethod
    def open(cls, folder: Path, result: str) -> "Shards":
        """Make the folder, or read its manifest.

        Args:
            folder: Where the shards stand.
            result: Hash of the model, how it forecasts, and the careers.

        Raises:
            StorageError: The folder holds parts of another result, or files of which no manifest says what they are.
        """
        manifest = folder / MANIFEST
        make_folder(folder)
        _remove_unfinished(folder)
        head, *lines = _lines(manifest) or [""]
        if head != json.dumps({"result": result}):
            if any(file != manifest for file in folder.iterdir()):
                found = "parts of another result" if head else "no manifest that can be read"
                raise StorageError(f"{folder} holds {found}: remove it, or write to another place")
            lines = []
        shards = cls(folder, result, dict(_hashes(lines)))
        with new_file(manifest) as file:
            known = [_line(number, sha256) for number, sha256 in shards.hashes.items()]
            file.write_text("".join(f"{line}\n" for line in (json.dumps({"result": result}), *known)))
        return shards

    def file(self, number: int) -> Path:
        """Where a shard is."""
        return self.folder / f"{number:06}.parquet"

    def mark(self, number: int) -> str:
        """What a shard says of itself: its result and its place in it."""
        return json.dumps({"result": self.result, "number": number})

    def write(self, number: int, part: Part) -> str:
        """Write a shard, apart from those that are finished, as there may be very many of them; its SHA-256.

        Args:
            number: Place of the shard, from 0.
            part: What it holds.
        """
        unfinished = self.folder / UNFINISHED / f"{number:06}.{os.getpid()}.parquet"
        make_folder(unfinished.parent)
        part.save(unfinished, {MARK: self.mark(number)})
        found = file_hash(unfinished)
        unfinished.replace(self.file(number))
        return found

    def find(self, number: int) -> str | None:
        """The SHA-256 of a shard that is there, whole and at its place; else None."""
        file = self.file(number)
        if not file.is_file() or (found := file_hash(file)) != self.hashes.get(number):
            return None
        try:
            is_ours = pl.read_parquet_metadata(file).get(MARK) == self.mark(number)
        except UNREADABLE:  # and yet of that hash
            return None
        return found if is_ours else None

    def add(self, number: int, sha256: str) -> None:
        """Write the hash of a shard that is whole into the manifest.

        Args:
            number: Place of the shard, from 0.
            sha256: Its hash.

        Raises:
            StorageError: The manifest cannot be written.
        """
        try:
            with (self.folder / MANIFEST).open("a") as manifest:
                manifest.write(f"{_line(number, sha256)}\n")
        except OSError as error:
            raise StorageError(f"cannot write {self.folder / MANIFEST}: {error.strerror or error}") from error

    def join(self, shards: int, path: Path) -> None:
        """Write the rows of the first shards, one after the other, as one file.

        Args:
            shards: How many shards.
            path: The file.

        Raises:
            StorageError: It cannot be written.
        """
        files = [self.file(number) for number in range(shards)]
        stated = pl.read_parquet_metadata(files[0])
        about = {name: text for name, text in stated.items() if name.startswith("laborllm.") and name != MARK}
        with new_file(path) as file:
            pl.scan_parquet(files).sink_parquet(file, metadata=about, row_group_size=ROWS_TOGETHER)

    def remove(self, numbers: Iterable[int]) -> None:
        """Remove shards and the manifest, and the folder if nothing else is in it."""
        for number in numbers:
            self.file(number).unlink(missing_ok=True)
        (self.folder / MANIFEST).unlink()
        _remove_unfinished(self.folder)
        if not any(self.folder.iterdir()) and not self.folder.is_symlink():
            self.folder.rmdir()


def _remove_unfinished(folder: Path) -> None:
    """Remove what a kill left of shards, and the folder of it unless something else is in it."""
    unfinished = folder / UNFINISHED
    if unfinished.is_dir() and not unfinished.is_symlink():
        for file in unfinished.iterdir():
            if LEFTOVER.fullmatch(file.name):
                file.unlink()
        with suppress(OSError):
            unfinished.rmdir()


def _lines(manifest: Path) -> list[str]:
    """The lines of a manifest that were written to their end."""
    if not manifest.is_file():
        return []
    text = manifest.read_text(errors="replace")
    return text[: text.rfind("\n") + 1].splitlines()


def _line(number: int, sha256: str) -> str:
    return json.dumps({"number": number, "sha256": sha256})


def _hashes(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Number and SHA-256 of each shard; a line that was changed says nothing."""
    for line in lines:
        try:
            stated = json.loads(line)
            yield int(stated["number"]), str(stated["sha256"])
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            continue
