"""The learning curve for TensorBoard."""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from laborllm.training.curve import CurvePoint


def write_tensorboard(folder: Path, curve: Sequence[CurvePoint]) -> None:
    """Write `curve` into `folder`, each value against the careers trained on; nothing if TensorBoard is not installed
    (the extra `tensorboard`)."""
    if find_spec("tensorboard") is None:
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for point in curve:
            for name, value in asdict(point).items():
                writer.add_scalar(name, value, point.careers)
