"""The list of outputs beside a report: statuses and counts by hand, and what becomes of a list that is there."""

import json
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from laborllm.errors import StorageError
from laborllm.privacy.outputs import FILE, SUPPRESSED, Output, checked, new_output, record

TABLE = pl.DataFrame(
    {
        "model": ["a", "a", "a", "b"],
        "level": ["men", "women", "others", "men"],
        "workers": [30, 12, None, 30],
        "note": [None, None, "too few", None],
    }
)


def said(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / FILE).read_text())["files"]
    return found


def test_a_table_and_its_cells() -> None:
    found = checked("gender", TABLE, ["level"], "workers", note="note", left_out=2).as_json()
    assert found["cells"] == [
        {"level": "men", "status": "ok"},
        {"level": "women", "status": "ok"},
        {"level": "others", "status": "too few"},
    ]
    assert (found["shown"], found["withheld"], found["status"]) == (2, {"too few": 1, SUPPRESSED: 2}, "review")
    assert found["summary"] == f"review; too few: 1 cells suppressed; {SUPPRESSED}: 2 cells suppressed"


@pytest.mark.parametrize(
    ("output", "summary"),
    [
        (checked("all", TABLE.head(2), ["level"], "workers"), "pass"),
        (checked("all", TABLE, ["model", "level"]), "pass"),
        (Output("people", refused="a row for each worker"), "fail; a row for each worker"),
        (Output("sizes", said="of all workers"), "pass; of all workers"),
    ],
)
def test_status_and_reason(output: Output, summary: str) -> None:
    assert output.summary == summary


def test_files_of_a_folder_are_listed_together(tmp_path: Path) -> None:
    for name in ("one.html", "two.html", "one.html"):
        with new_output(tmp_path / name, [Output(name)]) as file:
            file.write_text(name)
    assert {name: [entry["name"] for entry in entries] for name, entries in said(tmp_path).items()} == {
        "one.html": ["one.html"],
        "two.html": ["two.html"],
    }
    rules = json.loads((tmp_path / FILE).read_text())["rules"]
    assert rules["safe_threshold"] == 10


def test_processes_do_not_undo_what_another_listed(tmp_path: Path) -> None:
    names = [f"{number}.csv" for number in range(20)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: record(tmp_path / ".", {name: [Output(name)]}), names))
    assert set(said(tmp_path)) == set(names)


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"files": 1}', '{"other": {}}'])
def test_a_file_that_is_not_ours_stays(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(StorageError, match="is no list of outputs"), new_output(tmp_path / "page.html", []) as file:
        file.write_text("page")
    assert (tmp_path / FILE).read_text() == text
    assert not (tmp_path / "page.html").exists()


def test_what_fails_is_not_listed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_output(tmp_path / "page.html", [Output("page")]):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_listed_is_not_written(tmp_path: Path) -> None:
    """The list is longer than the file, and too long for the disk: an earlier file stays, with what is said of it."""
    with new_output(tmp_path / "one.html", [Output("old")]) as file:
        file.write_text("old")
    largest, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, most))
    try:
        with (
            pytest.raises(StorageError, match=rf"cannot write .*{FILE}: File too large"),
            new_output(tmp_path / "one.html", [Output("new", said="word " * 1000)]) as file,
        ):
            file.write_text("new")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, most))
    assert (tmp_path / "one.html").read_text() == "old"
    assert [entry["name"] for entry in said(tmp_path)["one.html"]] == ["old"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE, "one.html"]
