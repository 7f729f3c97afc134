"""Connections that are closed where a client is silent, or says too slowly what it wants, so that they stay free."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class Prompt(H11Protocol):
    """HTTP of one connection, which is closed unless the whole head of a request comes within the time of keep-alive.

    Without it a client that never ends its first line would hold the connection for ever. Where all connections that
    may be open are, a new one takes the place of the one that has waited longest for its client.
    """

    since: float  # when it was opened, or its last answer given
    task: asyncio.Task[None] | None = None  # the last answer

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room, and begin to wait for the first request."""
        super().connection_made(transport)
        self.since = self.loop.time()
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            self._make_room()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        """Go on waiting, where uvicorn stops at the first letter: the head of a request that is whole ends it."""
        self.conn.receive_data(data)
        self.handle_events()

    def handle_events(self) -> None:
        """Keep the task of an answer that begins."""
        before = set(self.tasks)
        super().handle_events()
        self.task = next(iter(self.tasks - before), self.task)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self.since = self.loop.time()

    @property
    def waits(self) -> bool:
        """Whether it is the client's turn: to ask, to send the rest of a request, or to take the answer."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body or self.flow.write_paused

    def _make_room(self) -> None:
        others = (other for other in self.connections if isinstance(other, Prompt) and other is not self)
        oldest = min((other for other in others if other.waits), key=lambda other: other.since, default=None)
        if oldest is not None:
            self.connections.discard(oldest)  # now, as others may ask before it is told
            if oldest.task is not None:
                self.tasks.discard(oldest.task)
            oldest.transport.abort()
