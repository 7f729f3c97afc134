"""Files and folders are either complete or not there."""

import errno
import json
import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from laborllm.errors import StorageError
from laborllm.storage import MARKER, file_hash, new_file, new_folder, require_complete, require_free


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


def test_only_a_complete_folder_of_ours_is_overwritten(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_run(run)
    with pytest.raises(StorageError, match="exists already"), new_folder(run):
        pytest.fail("the block must not run")
    with new_folder(run, overwrite=True) as sibling:
        (sibling / "new").write_text("new")
    assert set(json.loads((run / MARKER).read_text())["sha256"]) == {"new"}

    (tmp_path / "theses").mkdir()
    (tmp_path / "theses" / "thesis.tex").write_text("years of work")
    with pytest.raises(StorageError, match="exists already"):
        require_free(tmp_path / "theses", overwrite=True)


def test_failing_overwrite_keeps_the_old_folder(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "run", overwrite=True) as sibling:
        interrupted_write(sibling / "weights")
    require_complete(tmp_path / "run")


def test_file_hash_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_text("abc")
    assert file_hash(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
