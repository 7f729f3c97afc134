"""A kill at any moment: what was there stays whole, the same work done again ends well, and nothing is left behind."""

import fcntl
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch

import laborllm as ll
from laborllm.errors import StorageError
from laborllm.storage import MARKER, new_file, new_folder, remove_folder, require_complete, sole_writer
from laborllm.studies.run import run_study
from laborllm.training.checkpoint import Checkpoint, Checkpoints
from laborllm.training.parallel.shard_files import ALONE

CHANGES_THE_DISK = {
    "open",
    "write",
    "rename",
    "replace",
    "remove",
    "unlink",
    "mkdir",
    "rmdir",
    "chmod",
    "serialize_file",
}


def killed(work: Callable[[], None], after: int) -> bool:
    """Do the work in a process that kills itself after some calls that change the disk; whether it came to that."""
    process = os.fork()
    if not process:
        left = after

        def count(frame: object, event: str, called: Any) -> None:
            nonlocal left
            left -= event == "c_return" and called.__name__ in CHANGES_THE_DISK
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(process, 0)
    return os.WIFSIGNALED(status)


def calls(work: Callable[[], None]) -> int:
    """How many calls that change the disk the work makes, in a process of its own that has to end well."""
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        made = 0

        def count(frame: object, event: str, called: Any) -> None:
            nonlocal made
            made += event == "c_return" and called.__name__ in CHANGES_THE_DISK

        sys.setprofile(count)
        try:
            work()
            sys.setprofile(None)
            os.write(writing, str(made).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as found:
        said = found.read()
    os.waitpid(process, 0)
    return int(said)


def every_kill(work: Callable[[], None]) -> Iterator[int]:
    """Kill the work after its first call, its second, and so on until it ends; each time the caller looks and repeats
    it."""
    after = 0
    while killed(work, after):
        yield after
        after += 1
    assert after > 5


def names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


def write_folder(place: Path) -> None:
    with new_folder(place) as folder:
        (folder / "part").mkdir()
        (folder / "part" / "weights").write_text("new")


def write_file(place: Path) -> None:
    with new_file(place) as file:
        file.write_text("new")


VERBS = {
    "simulate": "simulate counts panel.parquet --years 2031 --draws 5 --out out/years.csv",
    "group": "group counts panel.parquet --years 2031 --draws 5 --out out/g.csv --page out/g.html --tables out/each",
    "audit": "audit counts panel.parquet --draws 100 --out out/audit.html",
    "evaluate": "evaluate counts panel.parquet --metrics perplexity --draws 100 --out out/r.html --tables out/tables",
    "backtest": "backtest counts panel.parquet --origins 2009 --horizon 2 --draws 5 --out out/s.csv --rates out/r.csv",
    "study": "study study.yaml --size smoke --out out/study",
    "package": "study package study.yaml --size smoke --study done --out out/package",
    "plan": "study plan study.yaml --size smoke --study done --out out/plan.json",
    "layout": "export career panel.parquet --out out/layout",
}
KILLS = 5  # of a verb, spread over its work, and as many again in its last calls


def kill_verb(folder: Path, command: str) -> None:
    """Kill a command some times and give it again; in a process of its own, as threads of Polars survive no fork."""
    from laborllm.cli.main import main

    os.chdir(folder)
    out = Path("out")
    out.mkdir()

    def work() -> None:
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        assert main(command.split()) == 0

    def written() -> list[str]:
        return sorted(str(path) for path in out.rglob("*"))

    made = calls(work)
    whole = written()
    for after in sorted({*range(0, made, -(-made // KILLS)), *range(made - KILLS, made)}):
        shutil.rmtree(out)
        out.mkdir()
        assert killed(work, after), after
        assert calls(work), after
        assert written() == whole, after


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb(verb: str, tmp_path: Path) -> None:
    panel = ll.import_synthetic(workers=120)
    panel.save(tmp_path / "panel.parquet")
    ll.fit("transition", panel, out=tmp_path / "counts")
    (tmp_path / "study.yaml").write_text(
        "title: A\npanels: {A: panel.parquet}\nmodels: [two-part, logit]\nquestions: [1]\n"
    )
    if verb in ("package", "plan"):
        run_study(tmp_path / "study.yaml", tmp_path / "done", size="smoke")
    process = get_context("spawn").Process(target=kill_verb, args=(tmp_path, VERBS[verb]))
    process.start()
    process.join()
    assert process.exitcode == 0


def test_a_folder(tmp_path: Path) -> None:
    for after in every_kill(lambda: write_folder(tmp_path / "run")):
        if (tmp_path / "run").exists():
            require_complete(tmp_path / "run")
            (tmp_path / "run" / "part" / "weights").unlink()
            (tmp_path / "run" / "part").rmdir()
            (tmp_path / "run" / MARKER).unlink()
            (tmp_path / "run").rmdir()
        write_folder(tmp_path / "run")
        assert names(tmp_path) == ["run"], after
        (tmp_path / "run").rename(tmp_path.parent / f"run-{after}")


def test_a_folder_that_is_removed(tmp_path: Path) -> None:
    """It is whole or not there, so that what was in it is used or made again."""
    place = tmp_path / "run"
    for after in range(20):
        write_folder(place)
        if not killed(lambda: remove_folder(place), after):
            break
        if place.exists():
            require_complete(place)
        else:
            write_folder(place)
        remove_folder(place)
        assert names(tmp_path) == [], after
    assert after > 3


def test_a_file_that_is_replaced(tmp_path: Path) -> None:
    place = tmp_path / "panel"
    place.write_text("old")
    for after in every_kill(lambda: write_file(place)):
        assert place.read_text() in ("old", "new")
        write_file(place)
        assert names(tmp_path) == ["panel"], after
        place.write_text("old")


def save(ours: Checkpoints, step: int) -> None:
    ours.save(step, {"step": step}, {"weights/w": torch.full((2,), float(step))})


def weights_of(found: Checkpoint) -> torch.Tensor:
    tensor = torch.empty(2)
    found.read({"weights/w": tensor})
    return tensor


@pytest.mark.slow
@pytest.mark.parametrize("torn", [False, True])
def test_a_checkpoint(torn: bool, tmp_path: Path) -> None:
    """The second checkpoint of a training, or a second one in the place of one that is torn."""
    ours = Checkpoints(tmp_path / "run.training", {"panel": "invented"})

    def begin() -> None:
        save(ours, 1)
        if torn:
            (ours.folder / "step-000000002").mkdir()
            (ours.folder / "step-000000002" / ALONE).write_text("torn")

    begin()
    for after in every_kill(lambda: save(ours, 2)):
        found = ours.latest()
        assert found is not None, after
        assert float(weights_of(found)[0]) == found.step
        if found.step == 1:
            save(ours, 2)
        save(ours, 3)
        assert names(ours.folder) == ["step-000000003"], after
        ours.remove()
        begin()


def test_checkpoints_that_are_removed(tmp_path: Path) -> None:
    """A kill within the removal: what is left is a training that can be removed, or begun anew."""
    ours = Checkpoints(tmp_path / "run.training", {"panel": "invented"})
    save(ours, 1)
    for after in every_kill(ours.remove):
        ours.remove()
        assert not ours.folder.exists(), after
        save(ours, 1)


def test_a_writer_that_comes_as_another_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its opening the lock and its taking it, the one before removes it: a third would find none and begin."""
    lock = tmp_path / ".run.lock"
    take = fcntl.flock

    def take_late(file: int, operation: int) -> None:
        lock.unlink()
        take(file, operation)

    monkeypatch.setattr(fcntl, "flock", take_late)
    with pytest.raises(StorageError, match="another process is writing"), sole_writer(tmp_path / "run"):
        pytest.fail("the block must not run")
