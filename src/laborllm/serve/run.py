"""One process that listens, warms up, answers, and stops when it is asked to."""

import socket
import sys
from pathlib import Path

import uvicorn

from laborllm.errors import OptionError, first_line
from laborllm.serve.app import create_app
from laborllm.serve.operation.connections import Prompt
from laborllm.serve.operation.observe import LOGGING
from laborllm.serve.served import Served
from laborllm.serve.settings import Settings

SHORTEST = 16  # letters of a key
SILENT = 15  # seconds until a connection that asks for nothing is closed
CONNECTIONS = 512  # open at a time; more are answered 503


def run_server(served: Served, settings: Settings) -> None:
    """Answer until the process is asked to stop (SIGTERM, SIGINT), then finish what is running."""
    print(f"laborllm answers at http://{settings.host}:{settings.port}/ with {served.name}", file=sys.stderr)
    uvicorn.run(
        create_app(served, settings),
        host=settings.host,
        port=settings.port,
        log_config=LOGGING,
        access_log=False,
        server_header=False,
        date_header=False,
        http=Prompt,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=SILENT,
        timeout_graceful_shutdown=settings.stop_seconds,
        workers=1,
    )


def require_free(settings: Settings) -> None:
    """Raise `OptionError` unless a server can listen where it is to."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((settings.host, settings.port))
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise OptionError(f"cannot listen on port {settings.port} of {settings.host}: {why}") from error


def read_keys(path: Path | None) -> tuple[str, ...]:
    """The keys of a file, one a line. Raises `OptionError` for a file that cannot be read, or a key that is short."""
    if path is None:
        return ()
    try:
        keys = tuple(line.strip() for line in path.read_text("utf-8").splitlines() if line.strip())
    except (OSError, ValueError) as error:
        raise OptionError(f"cannot read keys from {path}: {first_line(error)}") from error
    if not keys or min(map(len, keys)) < SHORTEST:
        raise OptionError(f"{path} must hold keys of at least {SHORTEST} letters, one a line")
    return keys
