"""Base models of the Hugging Face hub: fetched once, when a fit asks for one, and read from this machine after that."""

import socket
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit
from urllib.request import getproxies

from huggingface_hub import constants, snapshot_download

from laborllm.errors import InputError, first_line

READ = ["*.safetensors", "*.json", "*.model", "*.txt"]  # neither pickled weights nor code
PATIENCE = 1.0  # seconds until the hub counts as out of reach


def fetch(name: str) -> None:
    """Fetch a model of the hub to the cache on this machine, unless it is there.

    Raises:
        InputError: The hub cannot be reached, which takes about a second to find out, or does not have the model.
    """
    if cached(name) is not None:
        return
    if constants.HF_HUB_OFFLINE or not _answers(constants.ENDPOINT):
        raise InputError(f"no base model folder at {name}, none of that name in the cache, and the hub is out of reach")
    try:
        snapshot_download(name, allow_patterns=READ)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot fetch base model {name!r} from the hub: {first_line(error)}") from error


def cached(name: str) -> Path | None:
    """The folder of a model of the hub in the cache on this machine, None if it has not been fetched."""
    try:
        folder = Path(snapshot_download(name, allow_patterns=READ, local_files_only=True))
    except (OSError, ValueError):
        return None
    return folder if any(folder.glob("*.safetensors")) else None


def _answers(endpoint: str) -> bool:
    """Whether a connection opens in time; names are looked up in a thread, as that has no limit of its own."""
    if getproxies():
        return True
    found = []

    def connect() -> None:
        address = urlsplit(endpoint)
        try:
            with socket.create_connection((address.hostname, address.port or 443), timeout=PATIENCE):
                found.append(True)
        except OSError:
            pass

    thread = Thread(target=connect, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return bool(found)
