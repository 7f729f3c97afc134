"""What is written down of requests: how many, how long, with what result, and nothing of what they said."""

import json
import logging
import time
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from laborllm.serve.batching import Batches

LOGGER = logging.getLogger("laborllm.serve")
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
SIZES = (1, 2, 4, 8, 16, 32)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LEFT = 499  # a client that left before its answer, as nginx has it
OTHER = "other"  # any method of a client's own, of which there is no end


class Metrics:
    """Counts for Prometheus.

    Args:
        batches: Whose queue is watched.
    """

    def __init__(self, batches: Batches) -> None:
        self.registry = CollectorRegistry()
        labels = ("route", "method", "status")
        self.requests = Counter("laborllm_requests", "Requests answered.", labels, registry=self.registry)
        self.seconds = Histogram(
            "laborllm_request_seconds", "Time of an answer.", ("route",), buckets=SECONDS, registry=self.registry
        )
        sizes = Histogram("laborllm_batch_size", "Requests a batch.", buckets=SIZES, registry=self.registry)
        batches.seen = sizes.observe
        waiting = Gauge("laborllm_waiting", "Requests that wait for the model.", registry=self.registry)
        waiting.set_function(lambda: len(batches))

    def response(self) -> Response:
        """The counts as Prometheus reads them."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


class Observe:
    """Logs and counts every request by its route, such as /v1/occupations/{code}, never by what was asked of it.

    Args:
        app: The application.
        metrics: Where requests are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status, sent = time.perf_counter(), LEFT, 0

        async def watched(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception:
            status = 500
            raise
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            method = scope["method"] if scope["method"] in METHODS else OTHER
            seconds = time.perf_counter() - start
            self.metrics.requests.labels(route, method, str(status)).inc()
            self.metrics.seconds.labels(route).observe(seconds)
            said = {"route": route, "method": method, "status": status, "ms": round(1000 * seconds, 1)}
            LOGGER.info("request", extra={"said": said | {"bytes": sent}})


class JsonLines(logging.Formatter):
    """A line of JSON for every event; of an error its kind and place, not its message, which may quote a request."""

    def format(self, record: logging.LogRecord) -> str:
        """A record as one line of JSON."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage() if record.exc_info is None else "error",
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line["error"] = type(error).__name__
            line["place"] = _place(error)
        return json.dumps(line | getattr(record, "said", {}))


def _place(error: BaseException) -> str:
    """File and line where an error was raised."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return "" if frame is None else f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonLines}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "loggers": {
        "laborllm.serve": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "uvicorn": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "uvicorn.access": {"handlers": [], "propagate": False},
    },
}
"""How uvicorn and the server log: lines of JSON on standard error, and no access log, which would hold addresses."""
