"""Careers as tokens in a folder, for a training whose tokens memory does not hold, and for the next one on the same
careers: only those that are asked for are read.

The folder is named by a hash of all that decides the tokens: the records, how they are written, and the tokenizer.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer, by_worker
from laborllm.panel.files.store import Careers
from laborllm.progress import progress
from laborllm.storage import make_folder, new_folder, require_complete, sole_writer
from laborllm.text import render

RECORDS = 4096  # encoded at a time
FILES = {"tokens": np.uint32, "places": np.uint32, "texts": np.int64, "careers": np.int64}
FORMAT = 1


@dataclass(frozen=True, eq=False)
class TokenStore(Sequence[EncodedCareer]):
    """T texts of C careers, each read from the disk when it is asked for.

    Attributes:
        tokens: Of all texts, one after the other, (N,).
        places: Start and end of the titles of all texts, those of the history first, (P, 2).
        texts: Where each text ends in `tokens` and in `places`, and how many of its titles are history, (T, 3).
        careers: Where each career ends in `texts`, (C,).
    """

    tokens: NDArray[np.uint32]
    places: NDArray[np.uint32]
    texts: NDArray[np.int64]
    careers: NDArray[np.int64]

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
        return cls(*(_mapped(place / name) for name in FILES))

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
        begin, place, _ = self.texts[index - 1] if index else (0, 0, 0)
        end, last, history = self.texts[index]
        places = [(int(start), int(stop)) for start, stop in self.places[place:last]]
        starts, ends = zip(*places[history:], strict=True)
        worker = str(np.searchsorted(self.careers, index, side="right"))  # names stay in the panel
        return EncodedCareer(worker, tuple(self.tokens[begin:end].tolist()), starts, ends, tuple(places[:history]))


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
        return self.store[int(self.store.careers[index - 1]) if index else 0 : int(self.store.careers[index])]


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
    for (name, dtype), values in zip(FILES.items(), (tokens, places, texts, ends), strict=True):
        with (folder / name).open("ab") as file:
            np.asarray(values, dtype).tofile(file)


def _written(folder: Path) -> tuple[int, int, int]:
    """How many tokens, places and texts are there."""
    texts = _mapped(folder / "texts")
    return int(texts[-1, 0]), int(texts[-1, 1]), len(texts)


def _mapped(file: Path) -> NDArray[Any]:
    columns = {"places": (-1, 2), "texts": (-1, 3)}.get(file.name, (-1,))
    return np.memmap(file, FILES[file.name], mode="r").reshape(columns)
