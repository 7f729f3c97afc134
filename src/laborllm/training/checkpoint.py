"""Checkpoints of a training on disk, each whole or not there, so that it resumes from any interruption bit for bit.

A checkpoint is a folder that is written under another name and renamed, with the hash of each of its files. The one
before stays until the next is whole. Only safetensors and JSON are read.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from laborllm.errors import StorageError
from laborllm.storage import MARKER, make_folder, new_folder, require_complete, require_parent

STATE = "state.json"
PARTS = ("weights", "best", "optimizer")  # a safetensors file each
FILES = {STATE, MARKER, *(f"{part}.safetensors" for part in PARTS)}
STEP = "step-"

Identity = Mapping[str, str | int | float | bool | tuple[str, ...] | None]


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint.

    Attributes:
        step: Optimiser steps taken.
        state: Numbers and texts, as JSON holds them.
        tensors: By part (weights, best, optimizer) and name.
    """

    step: int
    state: dict[str, Any]
    tensors: dict[str, dict[str, Tensor]]


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one training, in a folder that holds nothing else.

    Attributes:
        folder: Where they are.
        identity: All that decides the result (data, options, seed). A checkpoint of another identity is refused.
    """

    folder: Path
    identity: Identity

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
        whole = [path for path in self._content() if path.name.startswith(STEP)]
        for folder in sorted(whole, reverse=True):
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

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint and then remove the others; they stay on a `StorageError`, such as of a full disk."""
        require_parent(self.folder)
        make_folder(self.folder)
        place = self.folder / f"{STEP}{checkpoint.step:09d}"
        if place.exists():  # torn, as training would have resumed from it
            shutil.rmtree(place)
        with new_folder(place) as folder:
            for part, tensors in checkpoint.tensors.items():
                whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
                save_file(whole, folder / f"{part}.safetensors")
            (folder / STATE).write_text(json.dumps(checkpoint.state | {"identity": dict(self.identity)}, indent=1))
        for other in self._content():
            if other != place:
                shutil.rmtree(other)

    def remove(self) -> None:
        """Remove the folder, once the run folder is whole. Raises `StorageError` if it holds anything else."""
        self._content()
        if self.folder.is_dir():
            shutil.rmtree(self.folder)

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


def training_folder(run: Path) -> Path:
    """The folder of the checkpoints of the training that will become the run folder `run`: `run`.training."""
    return run.with_name(f"{run.name}.training")


def _read(folder: Path) -> Checkpoint:
    require_complete(folder)
    strange = {path.name for path in folder.iterdir()} ^ FILES
    if strange:
        raise StorageError(f"{folder / min(strange)} is not what a checkpoint holds: {', '.join(sorted(FILES))}")
    tensors = {part: _load_tensors(folder / f"{part}.safetensors") for part in PARTS}
    state = json.loads((folder / STATE).read_text())
    return Checkpoint(state["step"], state, tensors)


def _load_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise StorageError(f"{path} is not safetensors: {error}") from error
