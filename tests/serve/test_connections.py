"""Connections over real sockets: a client that does not say what it wants is hung up on, one that does is answered."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from laborllm.serve.operation.connections import Prompt

SILENT = 0.1
SLOW = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\nsl"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/wait":
        await asyncio.sleep(0.5)
    with suppress(ClientDisconnect):
        await PlainTextResponse(await Request(scope, receive).body())(scope, receive, send)


@contextmanager
def listening(**settings: Any) -> Iterator[int]:
    """A server on a free port of loopback, in a thread."""
    config = uvicorn.Config(echo, port=0, http=Prompt, log_level="error", lifespan="off", **settings)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with listening(timeout_keep_alive=SILENT) as found:
        yield found


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


@pytest.mark.parametrize("said", [b"", b"GET / HT", SLOW], ids=["silent", "line", "body"])
def test_strangers_who_are_waited_for_shut_nobody_out(said: bytes) -> None:
    with listening(timeout_keep_alive=30, limit_concurrency=6) as port, ExitStack() as opened:
        for _ in range(20):  # a client comes while the last strangers are being told
            strangers = []
            for _ in range(20):
                stranger = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
                stranger.sendall(said)
                strangers.append(stranger)
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
                assert client.recv(1000).startswith(b"HTTP/1.1 200")
        assert _is_hung_up_on(strangers[0])  # the one that was waited for longest
        strangers[-1].settimeout(SILENT)
        with pytest.raises(TimeoutError):
            strangers[-1].recv(1000)


def test_a_client_whose_turn_it_is_not_keeps_its_place() -> None:
    with listening(timeout_keep_alive=30, limit_concurrency=6) as port, ExitStack() as opened:
        client = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
        client.sendall(b"GET /wait HTTP/1.1\r\nHost: here\r\n\r\n")
        time.sleep(SILENT)  # it has begun
        for _ in range(20):
            opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
        assert client.recv(1000).startswith(b"HTTP/1.1 200")


def _is_hung_up_on(client: socket.socket) -> bool:
    try:
        return client.recv(1000) == b""
    except ConnectionResetError:  # what it said was not read
        return True
