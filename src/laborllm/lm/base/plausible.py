"""The configuration of a base model, looked at before transformers builds what it states."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from laborllm.errors import InputError
from laborllm.storage import read_json

COUNTED = re.compile(r"(?:layers?|blocks|labels|experts)$")
LARGEST = 4096  # of what is made one by one: hundreds in the largest models there are


def require_plausible(folder: Path) -> None:
    """Refuse a configuration that states so many parts that to make them would not end.

    Args:
        folder: Of the model.

    Raises:
        InputError: It does.
        StorageError: It cannot be read.
    """
    require_countable(read_json(folder / "config.json"), folder)


def require_countable(config: object, where: Path) -> None:
    """Raise `InputError` if a number of parts, however deep, is larger than any model has.

    Args:
        config: What a configuration states.
        where: Of what model, for the error.
    """
    for name, value in _entries(config):
        if COUNTED.search(name) and isinstance(value, int | float) and abs(value) > LARGEST:
            raise InputError(
                f"cannot load base model {str(where)!r}: it states {value:,} for {name}, which no model has"
            )


def _entries(config: object) -> Iterator[tuple[str, Any]]:
    if isinstance(config, Mapping):
        for name, value in config.items():
            yield str(name), value
            yield from _entries(value)
