"""Checkpoints of a training on disk, each whole or not there, so that it resumes from any interruption bit for bit.

A checkpoint is a folder that is written under another name and renamed, with the hash of each of its files. The one
before stays until the next is whole. Only safetensors and JSON are read. Where processes share out the weights, each
writes its own shards, and another number of processes may read them.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from laborllm.errors import StorageError
from laborllm.storage import MARKER, make_folder, new_folder, read_json, require_complete, require_parent
from laborllm.training.folder import training_folder
from laborllm.training.parallel.processes import Processes
from laborllm.training.parallel.shard_files import PATTERN, names_of, read_shards, write_shards

STATE = "state.json"
STEP = "step-"

Identity = Mapping[str, str | int | float | bool | tuple[str, ...] | None]


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint.

    Attributes:
        step: Optimiser steps taken.
        state: Numbers and texts, as JSON holds them.
        folder: Where it is.
        names: Of its tensors.
    """

    step: int
    state: dict[str, Any]
    folder: Path
    names: set[str]

    def read(self, into: Mapping[str, Tensor], *, together: bool = False) -> None:
        """Fill tensors.

        Args:
            into: By name, of the shapes that were saved; shards of them say which part is wanted.
            together: Whether all processes of the training call this, each for its shards.

        Raises:
            StorageError: A tensor that is missing or has another shape.
        """
        read_shards(self.folder, into, together=together)


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one training, in a folder that holds nothing else.

    Attributes:
        folder: Where they are.
        identity: All that decides the result (data, options, seed). A checkpoint of another identity is refused.
    """

    folder: Path
    identity: Identity

    @property
    def log(self) -> Path:
        """The file of the live log, next to the folder of the checkpoints: `run`.log."""
        return self.folder.with_suffix(".log")

    @classmethod
    def of_run(cls, run: Path, identity: Identity) -> "Checkpoints":
        """Checkpoints of the training that will become a run folder.

        Args:
            run: The run folder.
            identity: All that decides the result (data, options, seed).

        Returns:
            The checkpoints, in the folder next to it.
        """
        return cls(training_folder(run), identity)

    def latest(self) -> Checkpoint | None:
        """The last checkpoint that is whole, None before the first.

        Raises `StorageError` if there are some and none is whole, if it is of another identity, or if the folder holds
        anything else.
        """
        first_error: StorageError | None = None
        named = [path for path in self._content() if path.name.startswith(STEP)]
        for folder in sorted(named, reverse=True):
            try:
                found = _read(folder)
            except StorageError as error:
                first_error = first_error or error
                continue
            self._require_same_identity(found.state.pop("identity"))
            return found
        if first_error is not None:
            raise StorageError(f"{first_error}; remove {self.folder} to train from the start") from first_error
        return None

    def save(
        self, step: int, state: Mapping[str, Any], tensors: Mapping[str, Tensor], *, processes: Processes | None = None
    ) -> None:
        """Write a checkpoint and then remove the others; they stay on a `StorageError`, such as of a full disk.

        Args:
            step: Optimiser steps taken.
            state: Numbers and texts, as JSON holds them.
            tensors: By name.
            processes: Those that hold the tensors in shards, and all call this; None: this one holds them whole.
        """
        if processes is not None and not processes.is_main:
            write_shards(Path(processes.of_main("")), tensors, together=True)
            return
        with self._new(step) as folder:
            if processes is not None:
                processes.of_main(str(folder))
            write_shards(folder, tensors, together=processes is not None)
            (folder / STATE).write_text(json.dumps({**state, "identity": dict(self.identity)}, indent=1))
        for other in self._content():
            if other.name != f"{STEP}{step:09d}":
                shutil.rmtree(other)

    def remove(self) -> None:
        """Remove the folder, once the run folder is whole. Raises `StorageError` if it holds anything else."""
        self._content()
        if self.folder.is_dir():
            shutil.rmtree(self.folder)

    @contextmanager
    def _new(self, step: int) -> Iterator[Path]:
        """The folder of a checkpoint until it is whole."""
        require_parent(self.folder)
        make_folder(self.folder)
        place = self.folder / f"{STEP}{step:09d}"
        if place.exists():  # torn, as training would have resumed from it
            shutil.rmtree(place)
        with new_folder(place) as folder:
            yield folder

    def _content(self) -> list[Path]:
        """Checkpoints, half-written ones of a killed process included. Raises `StorageError` on anything else."""
        content = list(self.folder.iterdir()) if self.folder.is_dir() else []
        for path in content:
            is_half = path.name.startswith(f".{STEP}") and path.suffix == ".partial"
            if not (path.is_dir() and (is_half or path.name.startswith(STEP))):
                raise StorageError(f"{path} is no checkpoint: {self.folder} must hold nothing else")
        return content

    def _require_same_identity(self, found: Mapping[str, Any]) -> None:
        wanted = json.loads(json.dumps(dict(self.identity)))
        for name in sorted(wanted.keys() | found.keys()):
            if wanted.get(name) != found.get(name):
                raise StorageError(
                    f"{self.folder} holds a training with {name} {found.get(name)}, not {wanted.get(name)}: "
                    "repeat its command to resume it, or remove it to train from the start"
                )


def _read(folder: Path) -> Checkpoint:
    """The checkpoint in a folder. Raises `StorageError` if it is torn, was changed, or has other files."""
    require_complete(folder)
    shards = {path.name for path in folder.glob(PATTERN)}
    strange = {path.name for path in folder.iterdir()} ^ {STATE, MARKER, *shards}
    if strange or not shards:
        raise StorageError(
            f"{folder / min(strange, default=PATTERN)} is not what a checkpoint holds: {STATE}, {PATTERN}"
        )
    state = read_json(folder / STATE)
    if not isinstance(state, dict) or not isinstance(state.get("step"), int):
        raise StorageError(f"{folder / STATE} does not say at which step the training is")
    return Checkpoint(state["step"], state, folder, names_of(folder))
