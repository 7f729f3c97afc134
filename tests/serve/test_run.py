"""The command: what it refuses before it listens, and one process from its start to its end."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cli.commands import laborllm
from laborllm.models.contract import Fitted
from serve.conftest import career

LONG = {"careers": [career("Cooks")] * 10, "horizon": 20, "draws": 2000}


@pytest.fixture(scope="module")
def run(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serve") / "run"
    fitted.save(folder)
    return folder


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield int(other.getsockname()[1])


def test_what_cannot_be_served_is_refused_in_a_line(
    run: Path, tmp_path: Path, taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "keys").write_text("short\n")
    refused = {
        "no folder at": [str(tmp_path / "nowhere")],
        "no audit goes with the model run": [str(run)],
        "keys of at least 16 letters": [str(run), "--unaudited", "--keys", str(tmp_path / "keys")],
        "cannot read keys from": [str(run), "--unaudited", "--keys", str(tmp_path / "none")],
        f"cannot listen on port {taken} of 127.0.0.1": [str(run), "--unaudited", "--port", str(taken)],
        "cannot listen on port 99999": [str(run), "--unaudited", "--port", "99999"],
    }
    for message, arguments in refused.items():
        assert laborllm(f"serve {' '.join(arguments)}") == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert message in line


def require_only(process: int, port: int) -> None:
    """A process has no socket but the one that it listens on, and those of who came to it."""
    found = psutil.Process(process).net_connections("all")
    assert {each.laddr.port for each in found if each.laddr} == {port}
    assert len([each for each in found if each.status == psutil.CONN_LISTEN]) == 1


@pytest.mark.slow
def test_a_process_listens_on_one_socket_and_ends_with_what_it_began(run: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from laborllm.cli import main; raise SystemExit(main())"]
    server = subprocess.Popen(
        [*command, "serve", str(run), "--unaudited", "--port", str(port)], stderr=subprocess.PIPE, text=True
    )
    place = f"http://127.0.0.1:{port}"
    for _ in range(1200):
        try:
            urllib.request.urlopen(f"{place}/ready", timeout=5)
            break
        except OSError:
            time.sleep(0.1)
    require_only(server.pid, port)

    answers: list[bytes] = []
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{place}/v1/simulate", json.dumps(LONG).encode(), headers)
    asking = threading.Thread(target=lambda: answers.append(urllib.request.urlopen(request, timeout=60).read()))
    asking.start()
    urllib.request.urlopen(f"{place}/", b"action=example-0", timeout=60)  # a page with titles, charts and what is near
    require_only(server.pid, port)
    server.send_signal(signal.SIGTERM)
    asking.join()
    _, log = server.communicate(timeout=30)
    assert server.returncode == -signal.SIGTERM  # by the signal it was sent, after its work
    assert len(json.loads(answers[0])["simulations"]) == 10
    lines = [json.loads(line) for line in log.splitlines()[1:]]
    assert {"route": "/v1/simulate", "status": 200} in [
        {name: line.get(name) for name in ("route", "status")} for line in lines
    ]
    assert "Cooks" not in log
