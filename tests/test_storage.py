"""Files and folders are either complete or not there."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
