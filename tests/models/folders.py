"""Changing a complete folder as another version of laborllm would have written it."""

import json
from pathlib import Path

from laborllm.storage import MARKER, file_hash


def rewrite(file: Path, text: str) -> None:
    """Write a file of a complete folder again, and its hash into the marker."""
    file.write_text(text)
    marker = file.parent / MARKER
    stated = json.loads(marker.read_text())
    stated["sha256"][file.name] = file_hash(file)
    marker.write_text(json.dumps(stated))
