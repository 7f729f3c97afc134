"""Careers as tokens in a folder, for a training whose tokens memory does not hold, and for the next one on the same
careers: only those that are asked for are read.

The folder is named by a hash of all that decides the tokens: the records, how they are written, and the tokenizer.
"""

import hashlib
import json
import os
import weakref
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer, by_worker
from laborllm.panel.files.store import Careers
from laborllm.progress import progress
from laborllm.storage import make_folder, new_folder, require_complete, sole_writer
from laborllm.text import render

RECORDS = 4096  # encoded at a time
FORMAT = 1  # of the files, part of the name of the folder


class Columns(NamedTuple):
    """How a file of numbers is laid out: their type, and how many a row has."""

    dtype: type[np.generic]
    width: int


FILES = {
    "tokens": Columns(np.uint32, 1),
    "places": Columns(np.uint32, 2),
    "texts": Columns(np.int64, 3),
    "careers": Columns(np.int64, 1),
}
"""The files of a store and how each is laid out; see `TokenStore`."""


@dataclass(frozen=True, eq=False)
class NumbersFile:
    """Rows of numbers in a file, read when asked for: of one that is mapped into memory, all that was ever read would
    count as memory of the process.

    Attributes:
        file: Where they are.
        columns: How they are laid out.
    """

    file: Path
    columns: Columns

    @cached_property
    def _opened(self) -> int:
        descriptor = os.open(self.file, os.O_RDONLY)
        weakref.finalize(self, os.close, descriptor)
        return descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return NumbersFile, (self.file, self.columns)  # without what this process has opened

    @property
    def _row(self) -> int:
        """Bytes of a row."""
        return np.dtype(self.columns.dtype).itemsize * self.columns.width

    def __len__(self) -> int:
        return self.file.stat().st_size // self._row

    def rows(self, start: int, end: int) -> NDArray[Any]:
        """Some of the rows.

        Args:
            start: The first of them.
            end: The one after the last.

        Returns:
            (end - start, width), or (end - start,) where a row is one number.
        """
        read = os.pread(self._opened, (end - start) * self._row, start * self._row)
        numbers = np.frombuffer(read, self.columns.dtype)
        return numbers if self.columns.width == 1 else numbers.reshape(-1, self.columns.width)

    def bounds(self, start: int, end: int) -> NDArray[Any]:
        """Some of the rows, where each says at what a part ends, after the row before them, at which they begin.

        Args:
            start: The first of them; before the very first is zero.
            end: The one after the last.

        Returns:
            (end - start + 1, width), or (end - start + 1,) where a row is one number.
        """
        ends = self.rows(max(start - 1, 0), end)
        return ends if start else np.concatenate([np.zeros_like(ends[:1]), ends])


@dataclass(frozen=True, eq=False)
class TokenStore(Sequence[EncodedCareer]):
    """T texts of C careers, each read from the disk when it is asked for.

    Attributes:
        tokens: Of all texts, one after the other, N rows.
        places: Start and end of the titles of all texts, those of the history first, P rows.
        texts: Where each text ends in `tokens` and in `places`, and how many of its titles are history, T rows.
        careers: Where each career ends in `texts`, C rows.
    """

    tokens: NumbersFile
    places: NumbersFile
    texts: NumbersFile
    careers: NumbersFile

    @classmethod
    def of(cls, folder: Path, encoder: CareerEncoder, careers: Careers) -> "TokenStore":
        """Careers as tokens, encoded some at a time unless an earlier call has done so.

        Args:
            folder: Holds the tokens of any number of panels. They are the careers themselves, and need the same care.
            encoder: Careers to tokens.
            careers: A panel, or a file with one, which is then never in memory as a whole.

        Returns:
            The store.

        Raises:
            StorageError: The folder cannot be written, another process is encoding these careers, or their tokens were
                changed since.
        """
        place = folder / content_hash(encoder, careers)
        if not place.exists():
            make_folder(folder)
            with (
                sole_writer(place),
                new_folder(place) as unfinished,
                progress("encode", len(careers), "records") as advance,
            ):
                for number, part in enumerate(careers.portions(RECORDS)):
                    _append(unfinished, by_worker(encoder.encode(render(part, encoder.template))), first=not number)
                    advance(len(part))
        require_complete(place, large=FILES)
        return cls(*(NumbersFile(place / name, columns) for name, columns in FILES.items()))

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, index: int) -> EncodedCareer: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[EncodedCareer]: ...
    def __getitem__(self, index: int | slice) -> EncodedCareer | Sequence[EncodedCareer]:
        if isinstance(index, slice):
            return [self[text] for text in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        career = bisect_right(range(len(self.careers)), index, key=lambda one: int(self.careers.rows(one, one + 1)[0]))
        return self.of_career(career, index, index + 1)[0]

    def of_career(self, career: int, start: int, end: int) -> list[EncodedCareer]:
        """Texts of one career.

        Args:
            career: Its place, which stands for the name of its worker, as names stay in the panel.
            start: The first of the texts.
            end: The one after the last.

        Returns:
            The texts, in order.
        """
        bounds = self.texts.bounds(start, end).tolist()
        (token, place, _), (last_token, last_place, _) = bounds[0], bounds[-1]
        tokens = self.tokens.rows(token, last_token).tolist()
        places = [(first, stop) for first, stop in self.places.rows(place, last_place).tolist()]
        texts = []
        for (begin, before, _), (stop, after, history) in pairwise(bounds):
            titles = places[before - place : after - place]
            starts, ends = zip(*titles[history:], strict=True)
            text = tuple(tokens[begin - token : stop - token])
            texts.append(EncodedCareer(str(career), text, starts, ends, tuple(titles[:history])))
        return texts


@dataclass(frozen=True, eq=False)
class StoredCareers(Sequence[Sequence[EncodedCareer]]):
    """The careers of a store, each as its texts."""

    store: TokenStore

    def __len__(self) -> int:
        return len(self.store.careers)

    @overload
    def __getitem__(self, index: int) -> Sequence[EncodedCareer]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sequence[EncodedCareer]]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[career] for career in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.store.of_career(index, *self.store.careers.bounds(index, index + 1).tolist())


def grouped(careers: Sequence[EncodedCareer]) -> Sequence[Sequence[EncodedCareer]]:
    """The texts of each career together, read from the disk when asked for where they are in a store."""
    return StoredCareers(careers) if isinstance(careers, TokenStore) else by_worker(careers)


def content_hash(encoder: CareerEncoder, careers: Careers) -> str:
    """A hash of all that decides the tokens of careers.

    Args:
        encoder: The tokenizer, the template, the titles and the in-context prefix.
        careers: The records.

    Returns:
        SHA-256 as hexadecimal digits.
    """
    tokenizer = encoder.tokenizer.backend_tokenizer.to_str()
    titles = encoder.template.title_texts(encoder.taxonomy)
    stated = [FORMAT, careers.fingerprint, tokenizer, repr(encoder.template), titles, encoder.prefix]
    return hashlib.sha256(json.dumps(stated).encode()).hexdigest()


def _append(folder: Path, careers: Iterable[Sequence[EncodedCareer]], *, first: bool) -> None:
    """Write careers after those that are there."""
    tokens: list[int] = []
    places: list[tuple[int, int]] = []
    texts: list[tuple[int, int, int]] = []
    ends: list[int] = []
    token, place, text = (0, 0, 0) if first else _written(folder)
    for career in careers:
        for one in career:
            tokens += one.tokens
            places += one.places
            texts.append((token + len(tokens), place + len(places), len(one.history)))
        ends.append(text + len(texts))
    for (name, columns), values in zip(FILES.items(), (tokens, places, texts, ends), strict=True):
        with (folder / name).open("ab") as file:
            np.asarray(values, columns.dtype).tofile(file)


def _written(folder: Path) -> tuple[int, int, int]:
    """How many tokens, places and texts are there."""
    texts = NumbersFile(folder / "texts", FILES["texts"])
    token, place, _ = texts.rows(len(texts) - 1, len(texts))[0].tolist()
    return token, place, len(texts)
