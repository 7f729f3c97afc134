"""Wherever training is interrupted, it ends with the same bits; what is torn or foreign is refused."""

import contextlib
import dataclasses
import json
import multiprocessing
import os
import pickle
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from laborllm.errors import StorageError
from laborllm.storage import MARKER, file_hash
from laborllm.training.checkpoint import Checkpoint, Checkpoints, Identity
from laborllm.training.config import TrainingConfig
from laborllm.training.curve import CurvePoint
from laborllm.training.loop import train
from laborllm.training.parallel.shard_files import ALONE
from training.regression import Regression

PLAN = TrainingConfig(epochs=3, batch_size=4, learning_rate=0.1, weight_decay=0.01, validate_every=6)  # 9 steps
IDENTITY: Identity = {"panel": "invented", "rank": 16}


def checkpoints(folder: Path) -> Checkpoints:
    return Checkpoints.of_run(folder / "run", IDENTITY)


def save(ours: Checkpoints, step: int) -> None:
    """Half a megabyte."""
    tensor = torch.full((64, 1024), float(step))
    ours.save(step, {"step": step}, {"weights/w": tensor, "best/w": tensor.clone()})


def weights_of(found: Checkpoint) -> torch.Tensor:
    tensor = torch.empty(64, 1024)
    found.read({"weights/w": tensor})
    return tensor


def known(curve: list[CurvePoint]) -> list[str]:
    """All of a curve but the time it took, as text, in which nan equals nan."""
    return [repr(dataclasses.replace(point, seconds=0.0)) for point in curve]


RECIPES = [PLAN, dataclasses.replace(PLAN, average=0.5, decay_to="initial")]


@pytest.mark.parametrize("plan", RECIPES, ids=["plain", "averaged, toward initial weights"])
@pytest.mark.parametrize("stop_at", range(9))
def test_an_interrupted_training_ends_with_the_same_bits(stop_at: int, plan: TrainingConfig, tmp_path: Path) -> None:
    whole = Regression(dropout=0.2)
    curve = train(whole, plan, seed=0)
    with pytest.raises(KeyboardInterrupt):
        train(Regression(dropout=0.2, stop_at=stop_at), plan, seed=0, checkpoints=checkpoints(tmp_path))
    task = Regression(dropout=0.2)
    assert known(train(task, plan, seed=0, checkpoints=checkpoints(tmp_path))) == known(curve)
    assert torch.equal(task.weights, whole.weights)
    assert task.seen == whole.seen[-len(task.seen) :]
    assert len(task.seen) <= 9 - stop_at + 2  # no more than since the last look is done again
    assert len(list(checkpoints(tmp_path).folder.iterdir())) == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"identity": {"panel": "invented", "rank": 8}}, "holds a training with rank 16, not 8"),
        ({"identity": {"panel": "invented"}}, "holds a training with rank 16, not None"),
        ({"seed": 1}, "holds a training with seed 0, not 1"),
        ({"config": dataclasses.replace(PLAN, learning_rate=0.2)}, "holds a training with learning_rate 0.1, not 0.2"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(
    changed: dict[str, dict[str, str | int] | int | TrainingConfig], message: str, tmp_path: Path
) -> None:
    train(Regression(), PLAN, seed=0, checkpoints=checkpoints(tmp_path))
    other = {"identity": IDENTITY, "seed": 0, "config": PLAN} | changed
    with pytest.raises(StorageError, match=f"{message}: repeat its command"):
        train(
            Regression(),
            other["config"],  # type: ignore[arg-type]
            seed=other["seed"],  # type: ignore[arg-type]
            checkpoints=Checkpoints.of_run(tmp_path / "run", other["identity"]),  # type: ignore[arg-type]
        )


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """The folder of the one checkpoint that there is."""
    save(checkpoints(tmp_path), 1)
    (folder,) = checkpoints(tmp_path).folder.iterdir()
    return folder


def test_of_two_checkpoints_the_whole_one_is_read(stored: Path, tmp_path: Path) -> None:
    later = Path(shutil.copytree(stored, stored.with_name("step-000000002")))
    (later / ALONE).write_bytes(b"torn")
    found = checkpoints(tmp_path).latest()
    assert found is not None
    assert found.step == 1


@pytest.mark.parametrize(
    "wanted", [{"weights/v": torch.empty(64, 1024)}, {"weights/w": torch.empty(64, 1025)}], ids=["name", "shape"]
)
def test_tensors_of_another_model_are_an_error(wanted: dict[str, torch.Tensor], stored: Path, tmp_path: Path) -> None:
    found = checkpoints(tmp_path).latest()
    assert found is not None
    with pytest.raises(StorageError, match=r"step-000000001 does not hold the tensors that are wanted: .*weights/"):
        found.read(wanted)


def test_a_torn_checkpoint_alone_is_an_error(stored: Path, tmp_path: Path) -> None:
    (stored / ALONE).write_bytes(b"torn")
    with pytest.raises(StorageError, match=r"torn or was changed; remove .*run\.training to train from the start"):
        checkpoints(tmp_path).latest()


def test_a_pickle_is_refused_unread(stored: Path, tmp_path: Path) -> None:
    """One next to the files of a checkpoint, and one in place of a file, its hash put right."""

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    (stored / "optimizer.pt").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(StorageError, match=r"optimizer\.pt is not what a checkpoint holds"):
        checkpoints(tmp_path).latest()
    (stored / "optimizer.pt").rename(stored / ALONE)
    marker = json.loads((stored / MARKER).read_text())
    marker["sha256"][ALONE] = file_hash(stored / ALONE)
    (stored / MARKER).write_text(json.dumps(marker))
    with pytest.raises(StorageError, match=r"holds a file that is not safetensors"):
        checkpoints(tmp_path).latest()
    assert not (tmp_path / "sprung").exists()


def test_a_folder_with_anything_else_is_left_alone(tmp_path: Path) -> None:
    theirs = checkpoints(tmp_path).folder
    theirs.mkdir()
    (theirs / "thesis.tex").write_text("years of work")
    for act in (checkpoints(tmp_path).latest, checkpoints(tmp_path).remove):
        with pytest.raises(StorageError, match=r"thesis\.tex is no checkpoint"):
            act()
    assert (theirs / "thesis.tex").exists()


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first, second = Regression(), Regression()
    for task in (first, second):
        train(task, PLAN, seed=0, checkpoints=checkpoints(tmp_path))
    assert second.seen == []
    assert torch.equal(first.weights, second.weights)
    checkpoints(tmp_path).remove()
    assert not checkpoints(tmp_path).folder.exists()


def test_a_full_disk_leaves_the_last_checkpoint(small_disk: Path) -> None:
    ours = checkpoints(small_disk)
    save(ours, 1)
    with pytest.raises(StorageError, match=r"cannot write .*No space left"):
        save(ours, 2)
    found = ours.latest()
    assert found is not None
    assert found.step == 1
    assert torch.equal(weights_of(found), torch.full((64, 1024), 1.0))
    assert len(list(ours.folder.iterdir())) == 1


def fill(path: Path) -> None:
    """Write to the last byte of the disk."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def test_a_training_that_fills_the_disk_goes_on_once_there_is_room(small_disk: Path) -> None:
    whole = Regression()
    train(whole, PLAN, seed=0)
    with pytest.raises(KeyboardInterrupt):
        train(Regression(stop_at=4), PLAN, seed=0, checkpoints=checkpoints(small_disk))
    fill(small_disk / "other work")
    with pytest.raises(StorageError, match=r"cannot write .*No space left"):
        train(Regression(), PLAN, seed=0, checkpoints=checkpoints(small_disk))
    (small_disk / "other work").unlink()
    task = Regression()
    train(task, PLAN, seed=0, checkpoints=checkpoints(small_disk))
    assert task.seen == whole.seen[3:]  # from the checkpoint that the full disk left
    assert torch.equal(task.weights, whole.weights)


LONG = dataclasses.replace(PLAN, epochs=60, validate_every=48)


def train_alone(folder: Path) -> None:
    torch.set_num_threads(1)
    (folder / "started").touch()
    task = Regression(dropout=0.2)
    curve = train(task, LONG, seed=0, checkpoints=checkpoints(folder))
    np.save(folder / "weights.npy", task.weights.numpy())
    (folder / "curve").write_text("\n".join(known(curve)))


@pytest.mark.slow
def test_fifty_kills_change_nothing(tmp_path: Path) -> None:
    """Each process is killed at a random moment of its training; the last one is let live."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["laborllm.training.loop", "torch._dynamo", "pytest"])  # what takes long to load

    def begin(folder: Path) -> multiprocessing.process.BaseProcess:
        folder.mkdir(exist_ok=True)
        (folder / "started").unlink(missing_ok=True)
        process = context.Process(target=train_alone, args=(folder,))
        process.start()
        while process.is_alive() and not (folder / "started").exists():
            time.sleep(0.001)
        return process

    def reached() -> int:
        """The step of the last checkpoint."""
        steps = (int(path.name.removeprefix("step-")) for path in killed.folder.glob("step-*"))
        return max(steps, default=0)

    begin(tmp_path / "whole").join()
    killed = checkpoints(tmp_path / "killed")
    generator = np.random.default_rng(0)
    kills, places = 0, set()
    while kills < 50:
        process = begin(tmp_path / "killed")
        goal = reached() + int(generator.integers(0, 20))
        while process.is_alive() and reached() < goal:
            time.sleep(0.001)
        time.sleep(generator.uniform(0, 0.02))  # into the steps, or the writing, that follow
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        places.add(reached())
        if process.exitcode == 0:  # done: its next life starts over
            killed.remove()
    assert len(places) > 5  # so kills came while it trained
    last = begin(tmp_path / "killed")
    last.join()
    assert last.exitcode == 0
    for name in ("weights.npy", "curve"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
