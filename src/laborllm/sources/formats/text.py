"""From bytes to text: what encoding a file is in, how much of it is inflated, and what no cell may hold."""

import gzip
from pathlib import Path
from typing import Protocol

import polars as pl

from laborllm.errors import SourceError
from laborllm.panel.schema import CONTROL

LARGEST_TEXT = 2 * 2**30  # bytes that a compressed file may inflate to


class Packed(Protocol):
    """A packed file that is open."""

    def read(self, size: int, /) -> bytes:
        """The next `size` bytes, inflated."""


def read_bytes(path: Path) -> bytes:
    """The content of a file, inflated if its name ends with `.gz`, to at most `LARGEST_TEXT`."""
    if path.suffix.lower() != ".gz":
        return path.read_bytes()
    with gzip.open(path) as file:
        return inflate(path.name, file)


def inflate(name: str, packed: Packed, before: int = 0) -> bytes:
    """Inflate a packed file.

    Args:
        name: Of the file, for the error.
        packed: The file, open.
        before: Bytes that other files of its archive came to.

    Returns:
        Its content.

    Raises:
        SourceError: It comes to more than `LARGEST_TEXT` bytes with those before it.
    """
    content = packed.read(LARGEST_TEXT - before + 1)
    if before + len(content) > LARGEST_TEXT:
        limit = f"{LARGEST_TEXT / 2**30:g} GiB"
        raise SourceError(f"{name} inflates to more than {limit}: if it is not a mistake, inflate it first")
    return content


def read_text(path: Path, encoding: str | None = None) -> tuple[str, dict[str, str]]:
    """The text of a file, and the note `encoding` where it is not UTF-8."""
    text, found = decode(path.name, read_bytes(path), encoding)
    return text, {} if found == "UTF-8" else {"encoding": found}


def decode(name: str, content: bytes, encoding: str | None = None) -> tuple[str, str]:
    """Turn the bytes of a file into text.

    Args:
        name: Of the file, for errors.
        content: Its bytes.
        encoding: What they are in; None: UTF-16 or UTF-8 where the bytes allow it, else what Windows writes.

    Returns:
        The text, and the name of its encoding.

    Raises:
        SourceError: An encoding that does not fit, or a file that is UTF-8 but for a few bytes.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decode_as(name, content, "utf-16"), "UTF-16"
    if encoding is not None:
        return _decode_as(name, content, encoding), encoding
    if b"\0" in content:
        line = _line(content, content.index(b"\0"))
        raise SourceError(
            f"{name} is not a text file, or UTF-16 without its mark: line {line} holds a zero byte; name the encoding, "
            "such as utf-16-le, or remove the byte"
        )
    try:
        return content.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError as error:
        _require_one_encoding(name, content, error.start)
    try:
        return content.decode("windows-1252"), "Windows-1252"
    except UnicodeDecodeError:
        return content.decode("latin-1"), "Latin-1"


def plain(text: str) -> str:
    """A text in one line, without what steers a terminal."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def plain_cells(cells: pl.Expr) -> pl.Expr:
    """Cells of text without what steers a terminal, stripped; null where nothing is left."""
    text = cells.str.replace_all(CONTROL, " ").str.strip_chars()
    return pl.when(text != "").then(text)


def _decode_as(name: str, content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise SourceError(f"{name}, line {_line(content, error.start)}: the bytes are not {encoding}") from error
    except (LookupError, UnicodeError) as error:  # of an encoding that is none, or none of text
        raise SourceError(f"unknown encoding {encoding!r}: use one such as utf-8, windows-1250 or latin-1") from error


def _require_one_encoding(name: str, content: bytes, first: int) -> None:
    """Raise `SourceError` for a text whose letters are UTF-8 but for a few: another encoding would spoil the many."""
    kept = content.decode("utf-8", "ignore")
    letters = sum(not character.isascii() for character in kept)
    lost = len(content) - len(kept.encode())
    if letters > lost:
        raise SourceError(
            f"{name}, line {_line(content, first)}: a letter is not UTF-8, though {letters:,} others in the file are; "
            "correct it, or name the encoding"
        )


def _line(content: bytes, place: int) -> int:
    return content.count(b"\n", 0, place) + 1
