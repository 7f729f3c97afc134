"""Where the numbers of a training go while it runs: TensorBoard, trackio or Weights & Biases, behind one protocol."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from laborllm.errors import OptionError
from laborllm.training.config import LogTo

PROJECT = "laborllm"


class Logger(Protocol):
    """Takes numbers as they come."""

    def log(self, values: Mapping[str, float], *, step: int) -> None:
        """Show numbers, by name, at a place on the axis that all share.

        Args:
            values: Name to number.
            step: The place, in careers trained on.
        """

    def finish(self) -> None:
        """Write what waits."""


class TensorBoardLogger:
    """Events in a folder, which `tensorboard --logdir` shows.

    Args:
        folder: Where to; what a training wrote there before it was interrupted stays.
        step: Where the training begins: what was shown beyond it is taken back.
    """

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=step + 1)

    def log(self, values: Mapping[str, float], *, step: int) -> None:
        """Show numbers, by name, at a place on the axis that all share.

        Args:
            values: Name to number.
            step: The place, in careers trained on.
        """
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def finish(self) -> None:
        """Write what waits."""
        self._writer.close()


class TrackerLogger:
    """A run of trackio, or of Weights & Biases, whose interface trackio has.

    Args:
        tracker: The module.
        name: Of the run, which is continued if there is one.
    """

    def __init__(self, tracker: Any, name: str) -> None:
        self._run = tracker.init(project=PROJECT, name=name, resume="allow")

    def log(self, values: Mapping[str, float], *, step: int) -> None:
        """Show numbers, by name, at a place on the axis that all share.

        Args:
            values: Name to number.
            step: The place, in careers trained on.
        """
        self._run.log(dict(values), step=step)

    def finish(self) -> None:
        """Write what waits."""
        self._run.finish()


def open_logger(log_to: LogTo, folder: Path, *, step: int = 0) -> Logger:
    """Begin to log a training.

    Args:
        log_to: Whereto.
        folder: Of the logs; its name is the name of the run.
        step: Where the training begins.

    Returns:
        The logger.

    Raises:
        OptionError: The package is not installed.
    """
    if find_spec(log_to) is None:
        raise OptionError(f"{log_to} is not installed", hint=f"pip install {log_to}")
    if log_to == "tensorboard":
        return TensorBoardLogger(folder, step)
    return TrackerLogger(import_module(log_to), folder.stem)
