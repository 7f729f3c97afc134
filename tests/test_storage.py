"""Files and folders are either complete or not there."""

import errno
import hashlib
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from laborllm import storage
from laborllm.errors import StorageError
from laborllm.storage import MARKER, file_hash, new_file, new_folder, read_json, require_complete, sole_writer


def write_run(folder: Path) -> None:
    with new_folder(folder) as sibling:
        (sibling / "weights").mkdir()
        (sibling / "weights" / "layer.bin").write_bytes(bytes(range(256)))
        (sibling / "config.json").write_text("{}")


def interrupted_write(path: Path) -> None:
    path.write_text("half")
    raise KeyboardInterrupt


def test_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "panel.parquet"
    path.write_text("old")
    with new_file(path) as sibling:
        sibling.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_failing_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "panel.parquet"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), new_file(path) as sibling:
        interrupted_write(sibling)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_failing_block_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "run") as sibling:
        interrupted_write(sibling / "weights")
    assert list(tmp_path.iterdir()) == []


def of_safetensors(path: Path) -> None:
    save_file({"zeros": np.zeros(2**18)}, path)


def of_tokenizers(path: Path) -> None:
    Tokenizer(WordLevel({f"word {number}": number for number in range(2**16)})).save(str(path))


def of_polars(path: Path) -> None:
    pl.DataFrame({"random": np.random.default_rng(0).random(2**18)}).write_parquet(path)


@pytest.mark.parametrize("write", [of_safetensors, of_tokenizers, of_polars])
def test_a_full_disk_is_one_line_whoever_writes(write: Callable[[Path], None], small_disk: Path) -> None:
    with (
        pytest.raises(StorageError, match=r"cannot write .*/new: .*No space left"),
        new_file(small_disk / "new") as file,
    ):
        write(file)
    with (
        pytest.raises(StorageError, match=r"cannot write .*/new: .*No space left"),
        new_folder(small_disk / "new") as new,
    ):
        write(new / "file")
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("new", [new_file, new_folder])
def test_what_fails_within_is_named_by_the_place_that_was_asked_for(
    tmp_path: Path, new: Callable[[Path], AbstractContextManager[Path]]
) -> None:
    run = tmp_path / "run"
    full = re.escape(f"cannot write {run / 'beginning' / 'weights'}: No space left on device")
    with (
        pytest.raises(StorageError, match=full),
        new_folder(run) as folder,
        new_folder(folder / "beginning") as beginning,
        new(beginning / "weights"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("new", [new_file, new_folder])
def test_a_disk_that_turns_read_only_is_said_as_such(
    small_disk: Path, new: Callable[[Path], AbstractContextManager[Path]]
) -> None:
    """Though what was written so far cannot be removed: that is no reason to speak of anything else."""

    def write() -> None:
        with new(small_disk / "new") as sibling:
            subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
            (sibling / "part" if sibling.is_dir() else sibling).write_text("new")

    with pytest.raises(StorageError, match=r"cannot write .*/new: Read-only file system"):
        write()


def test_other_errors_of_a_block_are_its_own(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "new"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("new", [new_file, new_folder])
def test_missing_parent_is_named(tmp_path: Path, new: Callable[[Path], AbstractContextManager[Path]]) -> None:
    with pytest.raises(StorageError, match=r"there is no folder .*nowhere"), new(tmp_path / "nowhere" / "run"):
        pytest.fail("the block must not run")


def test_file_cannot_replace_a_folder(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write"), new_file(tmp_path) as sibling:
        sibling.write_text("new")
    assert list(tmp_path.parent.glob(f".{tmp_path.name}*")) == []


def test_complete_folder_is_accepted(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    require_complete(tmp_path / "run")
    assert list(tmp_path.iterdir()) == [tmp_path / "run"]


@given(position=st.integers(0, 255), flip=st.integers(1, 255))
def test_one_changed_byte_is_noticed(position: int, flip: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("run") / "run"
    write_run(folder)
    torn = bytearray(range(256))
    torn[position] ^= flip
    (folder / "weights" / "layer.bin").write_bytes(bytes(torn))
    with pytest.raises(StorageError, match=r"weights/layer\.bin does not have the hash"):
        require_complete(folder)


def test_incomplete_folder_is_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(StorageError, match="no folder at"):
        require_complete(run)
    write_run(run)
    (run / "config.json").unlink()
    with pytest.raises(StorageError, match=r"config\.json is missing"):
        require_complete(run)
    (run / MARKER).unlink()
    with pytest.raises(StorageError, match="was not written by laborllm"):
        require_complete(run)


@pytest.mark.parametrize("marker", ["", '{"sha256": {"config', "[]", "{}"])
def test_torn_marker_is_refused(tmp_path: Path, marker: str) -> None:
    write_run(tmp_path / "run")
    (tmp_path / "run" / MARKER).write_text(marker)
    with pytest.raises(StorageError, match=rf"{MARKER} is torn"):
        require_complete(tmp_path / "run")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"1" * 5000])
def test_json_that_cannot_be_read_is_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(StorageError, match=r"a\.json cannot be read as JSON: .+"):
        read_json(tmp_path / "a.json")


def test_no_folder_is_replaced(tmp_path: Path) -> None:
    """Neither one of ours nor another's."""
    write_run(tmp_path / "run")
    (tmp_path / "theses").mkdir()
    (tmp_path / "theses" / "thesis.tex").write_text("years of work")
    for place in (tmp_path / "run", tmp_path / "theses"):
        with pytest.raises(StorageError, match="exists already"), new_folder(place):
            pytest.fail("the block must not run")
    require_complete(tmp_path / "run")
    assert (tmp_path / "theses" / "thesis.tex").read_text() == "years of work"


def test_a_file_is_read_once_while_it_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "SETTLED", -1.0)
    read = Mock(side_effect=storage._hash_of)
    monkeypatch.setattr(storage, "_hash_of", read)
    file = tmp_path / "file"
    file.write_text("abc")
    before = file_hash(file)
    assert (file_hash(file), read.call_count) == (before, 1)
    file.write_text("abcd")
    assert (file_hash(file) != before, read.call_count) == (True, 2)


def test_a_file_just_written_is_read_again(tmp_path: Path) -> None:
    """Another write so soon may leave it the same times."""
    file = tmp_path / "file"
    for text in ("abc", "abd") * 20:
        file.write_text(text)
        assert file_hash(file) == hashlib.sha256(text.encode()).hexdigest()


def write_tables(place: Path, text: str = "tables", kind: str = "tables") -> None:
    with new_folder(place, editable=["notes.json"], kind=kind) as folder:
        (folder / "table.tex").write_text(text)
        (folder / "notes.json").write_text(text)


def test_what_is_quickly_made_again_replaces_what_nobody_changed(tmp_path: Path) -> None:
    place = tmp_path / "tables"
    write_tables(place)
    (place / "notes.json").write_text("edited")
    write_tables(place, "again")
    assert sorted(path.read_text() for path in place.glob("*.[tj]*") if path.name != MARKER) == ["again", "again"]
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]


def test_what_is_quickly_made_again_stays_where_that_fails(tmp_path: Path) -> None:
    place = tmp_path / "tables"
    write_tables(place)
    with pytest.raises(RuntimeError), new_folder(place, kind="tables"):
        raise RuntimeError
    assert (place / "table.tex").read_text() == "tables"
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]


@pytest.mark.parametrize("change", ["edited", "added", "removed", "other kind", "no kind", "link"])
def test_what_is_quickly_made_again_replaces_nothing_else(change: str, tmp_path: Path) -> None:
    place = tmp_path / "tables"
    write_tables(place, kind={"other kind": "package", "no kind": ""}.get(change, "tables"))
    match change:
        case "edited":
            (place / "table.tex").write_text("by hand")
        case "added":
            (place / "paper.tex").write_text("by hand")
        case "removed":
            (place / "table.tex").unlink()
        case "link":
            place.rename(tmp_path / "elsewhere")
            place.symlink_to(tmp_path / "elsewhere")
    before = {path: path.read_text() for path in place.iterdir()}
    with pytest.raises(StorageError, match=r"exists already|it is a link"):
        write_tables(place, "again")
    assert {path: path.read_text() for path in place.iterdir()} == before


def test_file_hash_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_text("abc")
    assert file_hash(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def kinds(folder: Path) -> dict[str, Path]:
    """What a name may stand for that is no file: made here, as a rename onto a real one would be the end of it."""
    (folder / "target").write_text("kept")
    (folder / "link").symlink_to("target")
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    return {name: folder / name for name in ("link", "dangling", "pipe")}


@pytest.mark.parametrize("kind", ["link", "dangling", "pipe"])
def test_only_a_file_is_replaced(kind: str, tmp_path: Path) -> None:
    path = kinds(tmp_path)[kind]
    before = sorted(entry.name for entry in tmp_path.iterdir())
    with pytest.raises(StorageError, match=rf"cannot write .*{kind}: it is a"), new_file(path):
        pytest.fail("the block must not run")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == before
    assert path.is_symlink() or stat.S_ISFIFO(path.stat().st_mode)
    assert (tmp_path / "target").read_text() == "kept"


def test_no_folder_is_written_over_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(StorageError, match="it is a link"), new_folder(tmp_path / "link"):
        pytest.fail("the block must not run")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_replaced_file_keeps_its_mode_and_owner(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "panel.parquet"
    path.write_text("old")
    path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(path, 12, 34)
    before = path.stat()
    with new_file(path) as sibling:
        sibling.write_text("new")
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def private(path: Path) -> None:
    """As some libraries write: to a file of their own that nobody else may read."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))


def test_files_have_the_mode_of_new_files(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    usual = (tmp_path / "usual").stat().st_mode
    with new_file(tmp_path / "file") as sibling:
        private(sibling)
    with new_folder(tmp_path / "run") as folder:
        (folder / "part").mkdir()
        private(folder / "weights")
        private(folder / "part" / "weights")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.stat().st_mode for path in files} == {usual}


@pytest.mark.parametrize("new", [new_file, new_folder])
def test_a_name_that_is_too_long_is_one_line(
    tmp_path: Path, new: Callable[[Path], AbstractContextManager[Path]]
) -> None:
    with pytest.raises(StorageError, match="File name too long"), new(tmp_path / ("n" * 300)):
        pytest.fail("the block must not run")


def test_the_longest_name_works(tmp_path: Path) -> None:
    with new_file(tmp_path / ("n" * 255)) as sibling:
        sibling.write_text("new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["n" * 255]


@pytest.mark.parametrize("new", [new_file, new_folder])
def test_what_a_killed_process_left_is_removed(
    tmp_path: Path, new: Callable[[Path], AbstractContextManager[Path]]
) -> None:
    """What one that runs is writing, what is another's and what looks alike stay."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    (tmp_path / f".run.{ended.pid}.partial").mkdir()
    (tmp_path / f".run.{ended.pid}.partial" / "weights").touch()
    (tmp_path / ".run.999999999.partial").touch()
    stays = {f".run.{os.getppid()}.partial", f".other.{ended.pid}.partial", ".run.notes.partial"}
    for name in stays:
        (tmp_path / name).touch()
    with new(tmp_path / "run") as sibling:
        if new is new_file:
            sibling.touch()
    assert {entry.name for entry in tmp_path.iterdir()} == {"run", *stays}


def test_a_killed_save_leaves_nothing_once_it_is_repeated(tmp_path: Path) -> None:
    """Killed within the block, and after the files are written: the folder is never half there."""
    code = (
        "import os, signal, sys; from pathlib import Path; from laborllm.storage import new_folder\n"
        "with new_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'weights').touch()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")])
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    write_run(tmp_path / "run")
    assert list(tmp_path.iterdir()) == [tmp_path / "run"]


def test_the_second_writer_of_a_place_is_told(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from laborllm.storage import sole_writer\n"
        "with sole_writer(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)"
    )
    first = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "run")], stdout=subprocess.PIPE)
    assert first.stdout is not None
    assert first.stdout.readline() == b"held\n"
    with pytest.raises(StorageError, match=r"another process is writing .*run"), sole_writer(tmp_path / "run"):
        pytest.fail("the block must not run")
    with sole_writer(tmp_path / "other"):
        pass
    first.kill()
    first.wait()
    with sole_writer(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_folder_is_one_line(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match=r"cannot write .*: Permission denied"), new_file(tmp_path / "new"):
        pytest.fail("the block must not run")
