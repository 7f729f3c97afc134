"""The files of an extract, opened: data and documents apart, out of the .gz or .zip they come in."""

import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from laborllm.errors import SourceError
from laborllm.sources.formats.raw import UNREADABLE, first_line
from laborllm.sources.formats.text import decode, inflate, plain, read_bytes
from laborllm.sources.nls.investigator.variables import is_document

TORN = (*UNREADABLE, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError)
"""What opening a file raises that is torn, locked or not what its name says."""


@dataclass(frozen=True)
class OpenedFile:
    """A file of an extract as text.

    Attributes:
        name: Of the file.
        text: What it holds.
        question: The question whose survey rounds its columns are, if the file was given as QUESTION=FILE.
    """

    name: str
    text: str
    question: str | None = None

    @property
    def is_data(self) -> bool:
        """Whether it holds the numbers of an extract, not its documents."""
        return _plain_name(self.name).endswith(".csv")


def split_question(given: Path) -> tuple[str | None, Path]:
    """QUESTION=FILE as its two parts; no question for the path of a file."""
    question, equals, file = str(given).partition("=")
    return (question, Path(file)) if equals and not given.exists() else (None, given)


def open_files(files: Iterable[Path]) -> Iterator[OpenedFile]:
    """The text of each file, and of each member of a .zip that is one of an extract.

    Raises `SourceError` for a file that is not there, is torn, or is of another kind.
    """
    for given in files:
        question, path = split_question(given)
        if not path.is_file():
            raise SourceError(f"no file at {path}")
        try:
            yield from _open(path, question)
        except TORN as error:
            raise SourceError(f"{path.name} is not a readable file: {first_line(error)}") from error


def count_not_read(files: Iterable[Path]) -> dict[str, str]:
    """A note on the members of archives that are no files of an extract, by ending; none if all are."""
    kinds: Counter[str] = Counter()
    for _, path in map(split_question, files):
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                others = [name for name in archive.namelist() if not name.endswith("/") and not _is_of_extract(name)]
            kinds.update(plain(Path(name).suffix.lower()) or "no ending" for name in others)
    listed = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common())
    return {"files not read": f"{kinds.total():,} ({listed})"} if kinds else {}


def _open(path: Path, question: str | None) -> Iterator[OpenedFile]:
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if _is_of_extract(name)]
            if not members:
                raise SourceError(f"{path.name} holds no .csv file and no codebook")
            inflated = 0
            for name in members:
                with archive.open(name) as member:  # whatever size the archive states
                    content = inflate(plain(name), member, inflated)
                inflated += len(content)
                yield OpenedFile(plain(name), decode(plain(name), content)[0], question)
    elif _is_of_extract(path.name):
        yield OpenedFile(path.name, decode(path.name, read_bytes(path))[0], question)
    else:
        raise SourceError(
            f"{path.name} is no file of an extract: give data (.csv, .csv.gz), documents (.cdb, .sdf, .dct, .NLSY79) "
            "or the .zip with both"
        )


def _is_of_extract(name: str) -> bool:
    return _plain_name(name).endswith(".csv") or is_document(name)


def _plain_name(name: str) -> str:
    return name.lower().removesuffix(".gz")
