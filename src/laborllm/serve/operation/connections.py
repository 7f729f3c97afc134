"""Connections that are closed where a client is silent, or says too slowly what it wants, so that they stay free."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class Prompt(H11Protocol):
    """HTTP of one connection, which is closed unless the whole head of a request comes within the time of keep-alive.

    Without it a client that never ends its first line would hold the connection for ever.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        """Go on waiting, where uvicorn stops at the first letter: the head of a request that is whole ends it."""
        self.conn.receive_data(data)
        self.handle_events()
