"""Vectors that take long to compute, stored in the user's cache with their hash."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from laborllm.lm.base.listing import user_cache
from laborllm.storage import make_folder, new_file

VECTORS, SHA256 = "vectors", "sha256"


def cached_vectors(about: Mapping[str, str], compute: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
    """The result of `compute`, or of an earlier call with the same `about`, unless the file of that was damaged.

    about: all that the vectors depend on; its hash is the name of the file. Raises `StorageError` if they cannot be
    stored.
    """
    name = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    file = user_cache() / "vectors" / f"{name}.safetensors"
    vectors = _read(file)
    if vectors is None:
        make_folder(file.parent)
        vectors = np.ascontiguousarray(compute())
        with new_file(file) as unfinished:
            save_file({VECTORS: vectors, SHA256: _hash_of(vectors)}, unfinished)
    return vectors


def _read(file: Path) -> NDArray[np.float32] | None:
    """The vectors of a file; None where it is not there, torn or changed."""
    try:
        stored = load_file(file)
        vectors, stated = stored[VECTORS], stored[SHA256]
    except (OSError, KeyError, SafetensorError):
        return None
    return vectors if np.array_equal(_hash_of(vectors), stated) else None


def _hash_of(vectors: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.frombuffer(hashlib.sha256(vectors.tobytes()).digest(), np.uint8)
