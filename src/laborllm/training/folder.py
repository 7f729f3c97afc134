"""Where a training keeps its checkpoints."""

from pathlib import Path


def training_folder(place: Path) -> Path:
    """The folder of the checkpoints of a training until what it makes is whole at `place`: `place`.training."""
    return place.with_name(f"{place.name}.training")
