"""Files and folders that are either complete or not there.

Everything is written to a sibling and renamed when whole. A folder also carries a marker with the hash of each of its
files, so that a torn copy is distinguished from a good one.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from laborllm.errors import StorageError, first_line

MARKER = "complete.json"
PARTIAL = ".partial"
LARGEST_TEXT = 256 * 2**20  # bytes of a file that is no weights, in a folder of ours: it is read into memory whole
WEIGHTS = ".safetensors"  # such a file is as large as what it holds
UNWRITTEN = ("(os error ", "transport error")  # of a full disk, as libraries tell of it
SETTLED = 2.0  # seconds after which a write to a file gives it other times
LONGEST_NAME = 200  # bytes, of the 255 that file systems allow: siblings add some


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a sibling path to write; rename it to `path` when the block ends well, remove it when not.

    A file that is replaced hands down its mode and its owner. Raises `StorageError` for a `path` that is a link, a
    folder, a device or a pipe, which a rename would put an end to.
    """
    require_parent(path)
    sibling = _sibling(path)
    try:
        with _refusing(path, sibling):
            require_file(path)
            _remove_leftovers(path)
            sibling.touch()
            mode = sibling.stat().st_mode
            yield sibling
            sibling.chmod(mode)  # some writers make files that nobody else can read
            _hand_down(path, sibling)
            sibling.replace(path)
    finally:
        _remove(sibling)


@contextmanager
def new_folder(path: Path, *, editable: Collection[str] = (), kind: str = "") -> Iterator[Path]:
    """Yield a sibling folder to fill; mark it complete and rename it to `path` when the block ends well.

    No folder of another's is ever replaced, and of ours only what the same command makes again, as it takes two steps
    and a kill between them leaves none.

    Args:
        path: The folder.
        editable: Names of files that may be changed later: the marker does not hold their hashes.
        kind: Of a folder that the same command makes again: one of its kind goes before, if nothing in it was changed.

    Yields:
        The sibling.

    Raises:
        StorageError: `path` exists otherwise, or cannot be written.
    """
    require_free(path, kind=kind)
    sibling = _sibling(path)
    try:
        with _refusing(path, sibling):
            _remove_leftovers(path)
            _remove_leftovers(_old(path))
            sibling.mkdir()
            yield sibling
            marker = {"kind": kind, "editable": list(editable), "sha256": _hashes(sibling, editable)}
            (sibling / MARKER).write_text(json.dumps(marker, indent=1))
            _give_one_mode(sibling)
            _to_disk(sibling)
            require_free(path, kind=kind)
            _take_place(sibling, path)
    finally:
        _remove(sibling)


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder next to `path` for what is needed until that is written; it is removed on leaving, or after
    a kill when `path` is written again. Raises `StorageError`."""
    folder = new_scratch(path, "parts")
    try:
        with _refusing(path, folder):
            yield folder
    finally:
        _remove(folder)


def new_scratch(path: Path, what: str) -> Path:
    """An empty folder next to `path` for what is to become a part of it. After a kill it is removed when this is asked
    for once more. Raises `StorageError`."""
    require_parent(path)
    place = path.with_name(f"{path.name}.{what}")
    folder = _sibling(place)
    with _refusing(path, folder):
        _remove_leftovers(place)
        folder.mkdir()
    return folder


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder for what is not to be kept, where the system has room for it (`TMPDIR`); it is removed after."""
    with TemporaryDirectory(prefix="laborllm-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def sole_writer(path: Path) -> Iterator[None]:
    """Hold `path` while it is being made, so that a second process that is to write it is refused at once.

    The system lets go of it when the process ends, however that comes about. Raises `StorageError`.
    """
    require_parent(path)
    lock = path.with_name(f".{_short(path.name)}.lock")
    with _refusing(path, lock), lock.open("a") as file:
        if not _is_ours(file, lock):
            raise StorageError(f"another process is writing {path}: wait for it, or choose another place")
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _is_ours(file: IO[str], lock: Path) -> bool:
    """Lock an open file, unless another process holds it, or held it until now and removed it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), lock.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def _sibling(path: Path) -> Path:
    """Where `path` is written until it is whole, known by the process that writes it."""
    return path.with_name(f".{_short(path.name)}.{os.getpid()}{PARTIAL}")


def _short(name: str) -> str:
    """A name that siblings can be called after, whose own names have a limit."""
    encoded = os.fsencode(name)
    if len(encoded) <= LONGEST_NAME:
        return name
    return f"{name[:40]}-{hashlib.sha256(encoded).hexdigest()[:8]}"


def require_file(path: Path) -> None:
    """Raise `StorageError` if a rename to `path` would replace anything but a file: call it before long work too."""
    with _refusing(path, path):
        if path.is_symlink():
            raise StorageError(f"cannot write {path}: it is a link; name the file that it leads to")
        if path.exists() and not path.is_file():
            raise StorageError(f"cannot write {path}: it is {'a folder' if path.is_dir() else 'a device or a pipe'}")
        _require_writable(path, path.absolute().parent)


def require_folder(path: Path) -> None:
    """Raise `StorageError` if `path` is something that no file can be written in."""
    with _refusing(path, path):
        if (path.exists() or path.is_symlink()) and not path.is_dir():
            raise StorageError(f"cannot write to {path}: it is no folder, nor leads to one")
        _require_writable(path, path.absolute())


def _require_writable(path: Path, folder: Path) -> None:
    """Raise `StorageError` unless `folder`, or the first one above it that is there, takes new files."""
    first = next(place for place in (folder, *folder.parents) if place.exists())
    if first.is_dir() and not os.access(first, os.W_OK | os.X_OK):
        why = "a read-only file system" if os.statvfs(first).f_flag & os.ST_RDONLY else "not allowed"
        raise StorageError(f"cannot write {path}: {first} takes no new files: {why}")


def _remove_leftovers(path: Path) -> None:
    """Remove what processes that were killed have left of `path`."""
    name = re.compile(rf"\.{re.escape(_short(path.name))}\.(\d+){re.escape(PARTIAL)}")
    for place in path.parent.iterdir():
        found = name.fullmatch(place.name)
        if found and not _is_running(int(found[1])):
            _remove(place)


def _is_running(process: int) -> bool:
    """Whether a process of that number runs, this one apart."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    """Remove what is there, if it can be: what stays is a leftover, and no reason to hide why nothing was written."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _take_place(folder: Path, path: Path) -> None:
    """Rename a folder to `path`; what was there is removed once it has its place."""
    gone = _sibling(_old(path))
    if path.exists():
        path.rename(gone)
    folder.replace(path)
    _remove(gone)


def _old(path: Path) -> Path:
    return path.with_name(f"{path.name}.old")


def remove_folder(path: Path) -> None:
    """Remove a folder that is there, and what kills have left of it: none is ever seen that is half removed."""
    _remove_leftovers(path)
    gone = _sibling(path)
    path.rename(gone)
    _remove(gone)


def _hand_down(old: Path, new: Path) -> None:
    """Give a new file the mode and, where that is allowed, the owner of the file that it replaces."""
    if not old.exists():
        return
    before, now = old.stat(), new.stat()
    if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
        with suppress(PermissionError):
            os.chown(new, before.st_uid, before.st_gid)
    new.chmod(stat.S_IMODE(before.st_mode))


def _give_one_mode(folder: Path) -> None:
    """Give all files of a folder the mode of its marker, which is what the user has chosen for new files."""
    mode = stat.S_IMODE((folder / MARKER).stat().st_mode)
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(mode)


def make_folder(path: Path) -> None:
    """Make a folder, with those above it, unless it is there. Raises `StorageError`."""
    with _refusing(path, path):
        path.mkdir(parents=True, exist_ok=True)


@contextmanager
def _refusing(path: Path, sibling: Path) -> Iterator[None]:
    """Raise `StorageError` for what goes wrong in writing to `path`, such as on a full disk. What is said of `sibling`,
    which stands for it until it is whole, is said of it.

    safetensors, tokenizers and polars raise exceptions of their own for it, known by their text.
    """
    try:
        yield
    except StorageError as error:
        raise StorageError(str(error).replace(str(sibling), str(path))) from error
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
    except Exception as error:
        if not any(sign in str(error) for sign in UNWRITTEN):
            raise
        raise StorageError(f"cannot write {path}: {error}") from error


def require_free(path: Path, *, kind: str = "") -> None:
    """Raise `StorageError` unless a folder can be written at `path`, where one of its `kind` may be that nobody has
    changed: call it before long work, not after."""
    require_parent(path)
    with _refusing(path, path):
        if path.is_symlink():
            raise StorageError(f"cannot write {path}: it is a link; name the folder that it leads to")
        if path.exists() and not (kind and _is_as_written(path, kind)):
            raise StorageError(f"{path} exists already: choose another place, or remove it first")
        _require_writable(path, path.absolute().parent)


def require_complete(path: Path, *, large: Collection[str] = ()) -> None:
    """Raise `StorageError` unless `path` is a folder whose marker is there and states the hash of each file.

    Files that are `large`, by name, are never read into memory whole, and may have any size, as weights may.
    """
    if not path.is_dir():
        raise StorageError(f"no folder at {path}")
    if not (path / MARKER).is_file():
        raise StorageError(f"{path} has no {MARKER}: it was not written by laborllm, or not to the end")
    for name, expected in _stated_hashes(path / MARKER).items():
        if not (path / name).is_file():
            raise StorageError(f"{path / name} is missing: the folder was changed after it was written")
        if name not in large:
            _require_size(path / name)
        if file_hash(path / name) != expected:
            raise StorageError(f"{path / name} does not have the hash in {MARKER}: it is torn or was changed")


def _is_as_written(path: Path, kind: str) -> bool:
    """Whether a folder of this kind was written here, and nothing was changed, added or removed since."""
    try:
        require_complete(path)
        stated = read_json(path / MARKER)
    except StorageError:
        return False
    files = {file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir() or file.is_symlink()}
    own = {MARKER, *stated["sha256"]}
    return stated.get("kind") == kind and own <= files <= own | set(stated.get("editable", ()))


def read_json(path: Path) -> Any:
    """What a file of JSON says. Raises `StorageError` if it says nothing, is nested too deep, or is too large."""
    try:
        _require_size(path)
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise StorageError(f"{path} cannot be read as JSON: {first_line(error)}") from error


def file_hash(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits. A file that stays as it is, is read once in a process."""
    status = path.stat()
    if time.time() - status.st_ctime < SETTLED:  # one more write could leave it the same times
        return _hash_of(path)
    return _remembered_hash(path.absolute(), status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=256)
def _remembered_hash(path: Path, *state: int) -> str:
    """The hash of a file in that state: its inode, size and times."""
    return _hash_of(path)


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require_size(path: Path) -> None:
    """Raise `StorageError` for a file that is no weights and larger than any that a fit writes."""
    if path.suffix != WEIGHTS and path.stat().st_size > LARGEST_TEXT:
        limit = f"files of more than {LARGEST_TEXT / 2**20:g} MiB are not read, weights apart"
        raise StorageError(f"{path} has {path.stat().st_size / 2**20:,.0f} MiB: {limit}")


def _stated_hashes(marker: Path) -> dict[str, str]:
    _require_size(marker)
    try:
        stated = json.loads(marker.read_text())["sha256"]
        return {str(name): str(stated[name]) for name in stated}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise StorageError(f"{marker} is torn: the folder was not copied to the end, or was changed") from error


def _hashes(folder: Path, editable: Collection[str]) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in editable)
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
    with _refusing(path, path):
        if not path.resolve().parent.is_dir():
            raise StorageError(f"cannot write {path}: there is no folder {path.resolve().parent}")
