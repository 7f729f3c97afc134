"""Every place that any verb writes to: what cannot be written there is refused before any work, and stays as it is."""

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import Argument

from cli.commands import laborllm
from cli.test_main import VERBS
from laborllm.cli import app
from laborllm.cli.places import TO_FILE, TO_FOLDER, Place, written_by

Capture = pytest.CaptureFixture[str]

READ = {
    *("FILE", "FILES", "FOLDER", "MEMBERS", "PANEL", "PEOPLE", "PLAN", "RUN", "SOURCE", "SOURCES"),
    *(
        "--common-error",
        "--config",
        "--corrections",
        "--education-from",
        "--keys",
        "--map",
        "--panel",
        "--people",
        "--plan",
        "--rates",
    ),
    *("--offset-forecasts", "--offset-model", "--pretrained", "--reference", "--refits", "--study", "--tagset"),
    "--teacher",
}
KEPT = {"--cache", "--token-store"}  # folders of what is used again, in which every file has the name of its content


def options() -> Iterator[tuple[str, Argument]]:
    """Every option of every verb, and of `study` itself."""
    for verb in [*VERBS, ("study",)]:
        command = app
        for name in verb:
            command = command[name]
        for argument in command.assemble_argument_collection():
            yield " ".join(verb), argument


WRITTEN = [
    (verb, argument.names[0], place)
    for verb, argument in options()
    if (place := written_by(argument)) is not None and not verb.startswith("fit ")
] + [("fit transition", "--out", TO_FOLDER)]
"""Verb, option, and what is written; all fits share theirs."""


def test_every_path_is_read_or_written() -> None:
    """Nobody can add an option without saying which."""
    paths = {(argument.names[0], written_by(argument)) for _, argument in options() if "Path" in str(argument.hint)}
    assert {name for name, place in paths if place is None} == READ | KEPT
    assert {name for name, place in paths if place} == {"--out", "--page", "--chart", "--tables", "--rates"}
    assert len({verb.split()[0] for verb, *_ in WRITTEN}) == 19


def make(kind: str, path: Path) -> None:
    """Something that is no place for a result."""
    if kind == "link":
        path.with_name("target").write_text("kept")
        path.symlink_to("target")
    elif kind == "dangling link":
        path.symlink_to("nowhere")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        if subprocess.run(["mknod", path, "c", "1", "3"], capture_output=True).returncode:
            pytest.skip("only root can make a device")
    elif kind == "file":
        path.write_text("kept")
    elif kind == "folder":
        path.mkdir()
        (path / "thesis").write_text("years of work")


WRONG = {
    **dict.fromkeys(Place, ("link", "dangling link", "pipe", "device", "file", "folder")),
    TO_FILE: ("link", "dangling link", "pipe", "device", "folder"),
    TO_FOLDER: ("link", "dangling link", "pipe", "device", "file"),
}


def content(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        path.name: (stat.S_IFMT(path.lstat().st_mode), path.read_bytes().hex() if path.is_file() else "")
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize(("verb", "option", "place"), WRITTEN, ids=[" ".join(each[:2]) for each in WRITTEN])
def test_what_is_there_stays(verb: str, option: str, place: Place, tmp_path: Path, capsys: Capture) -> None:
    """Before anything else, so that the command needs no other argument."""
    for kind in WRONG[place]:
        folder = tmp_path / kind
        folder.mkdir()
        path = folder / "result.parquet"
        make(kind, path)
        before = content(folder)
        assert laborllm(f"{verb} {option} '{path}'") == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert any(words in said for words in ("cannot write", "exists already")), said
        assert str(path) in said
        assert content(folder) == before


@pytest.mark.parametrize(("verb", "option", "place"), WRITTEN, ids=[" ".join(each[:2]) for each in WRITTEN])
def test_a_name_that_no_file_has(verb: str, option: str, place: Place, capsys: Capture) -> None:
    assert laborllm(f"{verb} {option} {'n' * 300}.parquet") == 2
    assert "File name too long" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        "backtest run panel.parquet --out same.csv --rates ./same.csv",
        "backtest run panel.parquet --page same.html --out same.csv --rates same.html",
        "group run people.csv --out same.csv --page ../{here}/same.csv",
        "group run people.csv --chart same.svg --tables same.svg",
        "evaluate run panel.parquet --out same --tables same",
    ],
)
def test_two_results_in_one_place(command: str, capsys: Capture) -> None:
    before = sorted(Path().iterdir())
    assert laborllm(command.format(here=Path.cwd().name)) == 2
    assert "two results are to be written to same" in capsys.readouterr().err
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    "command",
    [
        "group run people.csv --page people.csv",
        "group run people.csv --chart ./people.csv",
        "group run panel.parquet --years 2030 --rates people.csv --out people.csv",
        "backtest run panel.parquet --rates panel.parquet",
        "backtest a=people.csv panel.parquet --page people.csv",
    ],
)
def test_no_option_writes_over_what_is_read(command: str, capsys: Capture) -> None:
    Path("people.csv").write_text("kept")
    assert laborllm(command) == 2
    assert "is what the command reads: write to another place" in capsys.readouterr().err
    assert Path("people.csv").read_text() == "kept"


def test_the_list_of_outputs_is_no_output(capsys: Capture) -> None:
    assert laborllm("describe panel.parquet --out disclosure.json") == 2
    assert "disclosure.json lists what is in the other files of its folder" in capsys.readouterr().err
    assert not Path("disclosure.json").exists()


@pytest.fixture(scope="module")
def read_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that takes no files, not even from root."""
    folder = tmp_path_factory.mktemp("read-only")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,ro", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("only root can mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize(("verb", "option", "place"), WRITTEN, ids=[" ".join(each[:2]) for each in WRITTEN])
def test_a_folder_that_takes_no_files(
    verb: str, option: str, place: Place, read_only: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before any work, as nothing that the command found could be kept."""
    path = read_only / "result.parquet"
    assert laborllm(f"{verb} {option} {path}") == 2
    why = f"cannot write {path}: {read_only} takes no new files: a read-only file system"
    assert capsys.readouterr().err == f"laborllm: {why}\n"


@pytest.mark.parametrize("verb", ["plan", "package"])
def test_no_study_is_made_by_a_command_that_needs_one(verb: str, capsys: Capture) -> None:
    Path("study.yaml").write_text("title: T\npanels: {ONE: panel.parquet}\n")
    before = content(Path())
    assert laborllm(f"study {verb} study.yaml --study nowhere --size smoke --out result.json") == 2
    assert "no folder of a study at nowhere" in capsys.readouterr().err
    assert content(Path()) == before


def test_a_parquet_file_on_a_full_disk_is_one_line(small_disk: Path, capsys: Capture) -> None:
    """Of a disk of nothing more than a block, polars says that its format is out of specification."""
    assert laborllm(f"import synthetic --workers 3000 --out {small_disk / 'panel.parquet'}") == 0
    (small_disk / "rest").write_bytes(bytes(os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize))
    before = content(small_disk)
    assert laborllm(f"import synthetic --workers 3000 --out {small_disk / 'other.parquet'}") == 2
    assert "cannot write" in capsys.readouterr().err.splitlines()[-1]
    assert content(small_disk) == before
