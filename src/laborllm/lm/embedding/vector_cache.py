"""Vectors that take long to compute, stored in the user's cache."""

import hashlib
import json
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from laborllm.lm.base.listing import user_cache
from laborllm.storage import make_folder, new_file


def cached_vectors(about: Mapping[str, str], compute: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
    """The result of `compute`, or of an earlier call with the same `about`.

    about: all that the vectors depend on; its hash is the name of the file. Raises `StorageError` if they cannot be
    stored.
    """
    name = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    file = user_cache() / "vectors" / f"{name}.safetensors"
    if not file.is_file():
        make_folder(file.parent)
        vectors = np.ascontiguousarray(compute())
        with new_file(file) as unfinished:
            save_file({"vectors": vectors}, unfinished)
    return np.asarray(load_file(file)["vectors"])
