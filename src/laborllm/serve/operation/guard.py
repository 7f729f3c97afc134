"""Access control: API keys, rate limits, the size of bodies, and the security headers of every answer.

Pure ASGI, so that a body is counted while it arrives and no more of it is held than is allowed, and the answer to a
client that has left is given up.
"""

import asyncio
import base64
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from laborllm.serve.operation.problems import problem, retry
from laborllm.serve.settings import Settings

OPEN = ("/health", "/ready")  # asked by what watches the server, which holds no key
CLIENTS = 10_000  # whose rates are remembered
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
UNKEYED = {"WWW-Authenticate": 'Basic realm="laborllm", charset="UTF-8"'}


class RefusedError(Exception):
    """A request that is refused before the application sees it.

    Args:
        status: HTTP status.
        detail: Why, in a sentence.
        headers: More headers of the answer.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


@dataclass(eq=False)
class Rates:
    """A rate limit by a token bucket for each client: `burst` tokens at most, `rate` more a second, one a request."""

    rate: float
    burst: int
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def wait(self, client: str, now: float) -> float:
        """Let a request in, or say how long its client must wait.

        Args:
            client: Whose bucket a token is taken from.
            now: Seconds on a clock that only goes forward.

        Returns:
            Seconds; 0 where the request is let in.
        """
        tokens, then = self._left.pop(client, (float(self.burst), now))
        tokens = min(self.burst, tokens + (now - then) * self.rate)
        let_in = tokens >= 1
        self._left[client] = (tokens - 1 if let_in else tokens, now)
        while len(self._left) > CLIENTS:
            self._left.popitem(last=False)
        return 0.0 if let_in else (1 - tokens) / self.rate


class Guard:
    """Passes requests that are allowed on to an application, and puts the security headers on every answer.

    Args:
        app: The application.
        settings: Keys, rates and limits.
        hosts: Names under which the server may be asked for; none: any. On loopback it keeps out pages elsewhere whose
            name was made to lead here (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, settings: Settings, hosts: frozenset[str]) -> None:
        self.app, self.settings, self.hosts = app, settings, hosts
        self._rates = Rates(settings.rate, settings.burst)
        self._keys = [hashlib.sha256(key.encode()).digest() for key in settings.keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        is_sent = False

        async def answer(message: Message) -> None:
            nonlocal is_sent
            is_sent = message["type"] == "http.response.body" and not message.get("more_body", False)
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._let_in(scope, Headers(scope=scope))
            body = await self._body(Headers(scope=scope), receive)
        except RefusedError as refused:
            said = problem(Request(scope), refused.status, refused.detail, refused.headers)
            await said(scope, receive, answer)
            return
        await _unless_client_leaves(self.app(scope, _replayed(body, receive), answer), receive, lambda: is_sent)

    def _let_in(self, scope: Scope, headers: Headers) -> None:
        name = headers.get("host", "").rsplit(":", 1)[0].strip("[]")
        if self.hosts and name not in self.hosts:
            raise RefusedError(400, "this server does not go by that name")
        if headers.get("sec-fetch-site") == "cross-site" and scope["method"] not in ("GET", "HEAD"):
            raise RefusedError(403, "another site cannot ask on a visitor's behalf")
        if scope["path"] in OPEN:
            return
        key = self._key(headers)
        if self._keys and key is None:
            raise RefusedError(401, "an API key is needed: send it as 'Authorization: Bearer KEY'", UNKEYED)
        client = scope["client_name"] = key or (scope.get("client") or ("?",))[0]
        if wait := self._rates.wait(client, time.monotonic()):
            raise RefusedError(429, "too many requests in a short time: slow down", retry(wait))

    def _key(self, headers: Headers) -> str | None:
        """The hash of the key that a request carries, as a bearer or as the password of a browser, if it is one."""
        kind, _, value = headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic":
            try:
                value = base64.b64decode(value, validate=True).decode().partition(":")[2]
            except ValueError:
                return None
        elif kind.lower() != "bearer":
            return None
        digest = hashlib.sha256(value.strip().encode()).digest()
        return digest.hex() if any([hmac.compare_digest(digest, key) for key in self._keys]) else None  # noqa: C419

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        """The body, counted while it arrives."""
        most = self.settings.body_bytes
        too_long = RefusedError(413, f"the body is longer than {most:,} bytes", {"Connection": "close"})
        if int(stated) > most if (stated := headers.get("content-length", "")).isdigit() else False:
            raise too_long
        body = bytearray()
        try:
            async with asyncio.timeout(self.settings.body_seconds):
                while True:
                    message = await receive()
                    body += message.get("body", b"")
                    if len(body) > most:
                        raise too_long
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise RefusedError(408, "the body took too long to arrive", {"Connection": "close"}) from None


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body in one message, and after it what the connection says."""
    is_replayed = False

    async def again() -> Message:
        nonlocal is_replayed
        if is_replayed:
            return await receive()
        is_replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _unless_client_leaves(answer: Awaitable[None], receive: Receive, is_sent: Callable[[], bool]) -> None:
    """Await an answer, and give it up when its client leaves before it is sent."""
    answering = asyncio.ensure_future(answer)
    leaving = asyncio.ensure_future(_left(receive))
    leaving.add_done_callback(lambda _: is_sent() or answering.cancel())
    try:
        await answering
    except asyncio.CancelledError:
        if not leaving.done():  # the server stops
            raise
    finally:
        leaving.cancel()


async def _left(receive: Receive) -> None:
    """Wait until the client has left, or has its answer."""
    while (await receive())["type"] != "http.disconnect":
        pass


def known_hosts(settings: Settings) -> frozenset[str]:
    """The names of this machine, where the server listens on loopback only."""
    loopback = {"127.0.0.1", "localhost", "::1"}
    try:
        is_here = settings.host in loopback or ip_address(settings.host).is_loopback
    except ValueError:  # a name
        is_here = False
    return frozenset(loopback | {settings.host}) if is_here else frozenset()
