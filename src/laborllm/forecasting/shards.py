"""A long forecast, a few workers at a time: what has been scored stays when the work is interrupted.

The workers of a shard follow from the panel alone, so a forecast that was interrupted and taken up again is, byte for
byte, the one that went through.
"""

import hashlib
import json
import shutil
from pathlib import Path

from laborllm.errors import StorageError
from laborllm.models.contract import Forecast, Forecaster
from laborllm.panel import Panel
from laborllm.progress import progress
from laborllm.storage import make_folder, new_file, require_parent

WORKERS = 4  # of a shard
ABOUT = "about.json"


def forecast_to_file(model: Forecaster, panel: Panel, path: Path, *, identity: str) -> None:
    """Forecast every record of `panel` and save it at `path`, from the shards in the folder beside it that an earlier
    call left and those still missing.

    identity: says what the model is and how it forecasts. Raises `StorageError` if that folder holds shards of another
    model or panel.
    """
    folder = path.with_name(f"{path.name}.shards")
    _open(folder, hashlib.sha256(f"{identity}\n{panel.fingerprint}".encode()).hexdigest())
    parts = []
    with progress("forecast", len(panel), "records") as advance:
        for number, shard in enumerate(panel.portions(WORKERS)):
            file = folder / f"{number:05}.parquet"
            if not file.exists():
                model.forecast(shard).save(file)
            parts.append(Forecast.load(file))
            advance(len(shard))
    Forecast.join(parts).save(path)
    shutil.rmtree(folder)


def _open(folder: Path, about: str) -> None:
    """Make the folder, or see that it is one of the same forecast; one that was refused before its first part left
    nothing to go on with."""
    stated = folder / ABOUT
    if stated.is_file() and list(folder.iterdir()) == [stated]:
        shutil.rmtree(folder)
    if not folder.exists():
        require_parent(folder)
        make_folder(folder)
        with new_file(stated) as file:
            file.write_text(json.dumps({"sha256": about}))
    elif not stated.is_file() or json.loads(stated.read_text()) != {"sha256": about}:
        raise StorageError(f"{folder} holds parts of another forecast: remove it, or write to another place")
