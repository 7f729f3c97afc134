"""HEAD, which is answered as GET is but for the body: routes of GET do not know it by themselves."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Asks an application for GET where a client asked for HEAD, and keeps the body back.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_head = scope.get("method") == "HEAD"

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("Allow") == "GET":
                    headers["Allow"] = "GET, HEAD"
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        if is_head:
            scope["method"] = "GET"
        try:
            await self.app(scope, receive, answer)
        finally:
            if is_head:
                scope["method"] = "HEAD"
