"""Files and folders that are either complete or not there.

Everything is written to a sibling and renamed when whole. A folder also carries a marker with the hash of each of its
files, so that a torn copy is told from a good one.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from laborllm.errors import StorageError

MARKER = "complete.json"


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a sibling path to write; rename it to `path` when the block ends well, remove it when not."""
    require_parent(path)
    sibling = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with _refusing(path, sibling):
            yield sibling
            sibling.replace(path)
    finally:
        sibling.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a sibling folder to fill; mark it complete and rename it to `path` when the block ends well.

    Raises `StorageError` if `path` exists, unless `overwrite` is set and `path` is itself a complete folder of ours.
    """
    require_free(path, overwrite=overwrite)
    sibling = path.with_name(f".{path.name}.{os.getpid()}.partial")
    shutil.rmtree(sibling, ignore_errors=True)
    try:
        with _refusing(path, sibling):
            sibling.mkdir()
            yield sibling
            (sibling / MARKER).write_text(json.dumps({"sha256": _hashes(sibling)}, indent=1))
            _to_disk(sibling)
            if path.exists():
                shutil.rmtree(path)
            sibling.replace(path)
    finally:
        shutil.rmtree(sibling, ignore_errors=True)


def make_folder(path: Path) -> None:
    """Make a folder, with those above it, unless it is there. Raises `StorageError`."""
    with _refusing(path, path):
        path.mkdir(parents=True, exist_ok=True)


@contextmanager
def _refusing(path: Path, sibling: Path) -> Iterator[None]:
    """Raise `StorageError` for what goes wrong in writing to `path`, such as on a full disk. What is said of `sibling`,
    which stands for it until it is whole, is said of it.

    safetensors, tokenizers and polars raise exceptions of their own for it, told by what they say of the system.
    """
    try:
        yield
    except StorageError as error:
        raise StorageError(str(error).replace(str(sibling), str(path))) from error
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
    except Exception as error:
        if "(os error " not in str(error):
            raise
        raise StorageError(f"cannot write {path}: {error}") from error


def require_free(path: Path, *, overwrite: bool = False) -> None:
    """Raise `StorageError` unless a folder can be written at `path`: call it before long work, not after."""
    require_parent(path)
    if not path.exists():
        return
    if not (overwrite and (path / MARKER).is_file()):
        raise StorageError(f"{path} exists already: choose another place, or remove it first")


def require_complete(path: Path) -> None:
    """Raise `StorageError` unless `path` is a folder whose marker is there and states the hash of each file."""
    if not path.is_dir():
        raise StorageError(f"no folder at {path}")
    if not (path / MARKER).is_file():
        raise StorageError(f"{path} has no {MARKER}: it was not written by laborllm, or not to the end")
    for name, expected in _stated_hashes(path / MARKER).items():
        if not (path / name).is_file():
            raise StorageError(f"{path / name} is missing: the folder was changed after it was written")
        if file_hash(path / name) != expected:
            raise StorageError(f"{path / name} does not have the hash in {MARKER}: it is torn or was changed")


def file_hash(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stated_hashes(marker: Path) -> dict[str, str]:
    try:
        return dict(json.loads(marker.read_text())["sha256"])
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(f"{marker} is torn: the folder was not copied to the end, or was changed") from error


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in files}


def _to_disk(folder: Path) -> None:
    """Wait until all of a folder is on the disk, so that not even a loss of power leaves a torn one under its name."""
    for path in (*folder.rglob("*"), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def require_parent(path: Path) -> None:
    """Raise `StorageError` unless the folder that `path` is to be written in is there."""
    if not path.resolve().parent.is_dir():
        raise StorageError(f"cannot write {path}: there is no folder {path.resolve().parent}")
