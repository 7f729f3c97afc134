"""Connections over real sockets: a client that does not say what it wants is hung up on, one that does is answered."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from laborllm.serve.operation.connections import Prompt

SILENT = 0.1


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(await Request(scope, receive).body())(scope, receive, send)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server on a free port of loopback, in a thread."""
    config = uvicorn.Config(echo, port=0, http=Prompt, timeout_keep_alive=SILENT, log_level="error", lifespan="off")  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: here\r\n"], ids=["", "line", "head"])
@pytest.mark.parametrize("before", [b"", b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"], ids=["first", "second"])
def test_a_client_that_asks_for_nothing_is_hung_up_on(port: int, before: bytes, said: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        if before:
            client.sendall(before)
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
        for letter in said:
            client.sendall(bytes([letter]))  # however it dribbles
        assert client.recv(1000) == b""


def test_a_request_whose_head_is_whole_has_the_time_of_its_body(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: 4\r\n\r\nsl")
        time.sleep(2 * SILENT)
        client.sendall(b"ow")
        with client.makefile("rb") as answer:
            assert answer.read().endswith(b"slow")
