"""Models that come with laborllm, each a run folder under a name that stands where a path may stand."""

from importlib.resources import files
from pathlib import Path

from laborllm.storage import MARKER

SHIPPED = Path(str(files("laborllm.models"))) / "shipped"


def shipped_models() -> tuple[str, ...]:
    """Their names."""
    return tuple(sorted(marker.parent.name for marker in SHIPPED.glob(f"*/{MARKER}")))


def find_run(path: Path) -> Path:
    """The folder of a model that comes with laborllm where `path` is its name and nothing is there, else `path`."""
    return SHIPPED / path if not path.exists() and str(path) in shipped_models() else path
