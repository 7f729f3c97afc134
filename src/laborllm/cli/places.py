"""Places that a command writes to: marked where the option is, and refused before any work where they cannot serve.

An option that names one carries `TO_FILE`, `TO_FOLDER`, or the kind of a folder that is written whole, as `TO_TABLES`:

    out: Annotated[Path, Parameter(help="HTML page to write."), TO_FILE]
"""

from collections.abc import Iterator
from enum import Enum
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

from cyclopts import App, Argument, ArgumentCollection, CycloptsError

from laborllm.storage import MARKER, require_file, require_folder, require_free


class Place(Enum):
    """What a command writes at a path: files, or a folder of a kind, in the place of one that nobody has changed."""

    FILE = "a file, in the place of one that is there"
    FOLDER = "files in a folder, which is made if need be"
    DEMO = "demo"
    LAYOUT = "layout"
    MODEL = "model"
    PACKAGE = "package"
    TABLES = "tables"

    def require(self, path: Path) -> None:
        """Raise `StorageError` if this cannot be written at `path`."""
        match self:
            case Place.FILE:
                require_file(path)
            case Place.FOLDER:
                require_folder(path)
            case _:
                require_free(path, kind=self.value)


TO_FILE, TO_FOLDER = Place.FILE, Place.FOLDER
TO_DEMO, TO_LAYOUT, TO_MODEL, TO_PACKAGE, TO_TABLES = (
    Place.DEMO,
    Place.LAYOUT,
    Place.MODEL,
    Place.PACKAGE,
    Place.TABLES,
)


def written_by(argument: Argument) -> Place | None:
    """What an option's path is for; None: nothing is written there."""
    marks = (mark for part in _parts(argument.field_info.annotation) for mark in getattr(part, "__metadata__", ()))
    return next((mark for mark in marks if isinstance(mark, Place)), None)


def _parts(annotation: Any) -> Iterator[Any]:
    """A type, and the types that it is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def refuse_places(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Refuse, before it begins, a command that could not write what it is to write, or would write over what it reads.

    Args:
        app: The command, as cyclopts hands it over.
        commands: Its name.
        arguments: Its options.

    Raises:
        CycloptsError: Two results have one place, one has the place of what is read, or a value holds a zero byte.
        StorageError: What is there cannot be replaced, such as a link.
    """
    for argument in arguments:
        if any("\0" in token.value for token in argument.tokens):
            raise CycloptsError(msg=f"the value of {argument.name} holds a zero byte, which no name has")
    places = [
        (Path(token.value), place)
        for argument in arguments
        if (place := written_by(argument))
        for token in argument.tokens
    ]
    read = [token.value for argument in arguments if not written_by(argument) for token in argument.tokens]
    for path, _ in places:
        if any(_is_of(path, Path(place)) for value in read for place in (value, *value.split("="))):
            raise CycloptsError(msg=f"{path} exists already, and is what the command reads: write to another place")
    for (one, _), (other, _) in combinations(places, 2):
        if one.resolve() == other.resolve():
            raise CycloptsError(msg=f"two results are to be written to {one}: name two places")
    for path, place in places:
        place.require(path)


def _is_of(path: Path, read: Path) -> bool:
    """Whether a path is what is read, or stands in a folder that is read; NAME=RUN and FILE=SHARE name one too.

    Of a folder whose marker names all files in it, such as a run folder, none may be replaced, however deep.
    """
    try:
        if path.samefile(read):
            return True
        above = path.resolve().parents
        return read.is_dir() and read.resolve() in (above if (read / MARKER).is_file() else above[:1])
    except (OSError, ValueError):  # one is not there, or is no path at all
        return False
