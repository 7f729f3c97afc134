"""What is written down of requests: counts as Prometheus reads them, lines of JSON for a collector, and no content."""

import asyncio
import io
import json
import logging
import logging.config
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from laborllm.serve.batching import Batches
from laborllm.serve.operation.observe import LOGGER, LOGGING, METHODS, JsonLines, Metrics, Observe


class Route:
    """What the router leaves in a scope."""

    path = "/v1/occupations/{code}"


async def answered(scope: Scope, receive: Receive, send: Send) -> None:
    scope["route"] = Route()
    await PlainTextResponse("word", 418)(scope, receive, send)


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError("the secret title")


@pytest.fixture
def batches() -> Iterator[Batches]:
    made = Batches(most=4)
    yield made
    asyncio.run(made.close())


@pytest.fixture
def metrics(batches: Batches) -> Metrics:
    return Metrics(batches)


def ask(app: ASGIApp, metrics: Metrics, *, method: str = "GET", kind: str = "http") -> list[Message]:
    """What an application that is watched sends."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": kind,
        "method": method,
        "path": "/v1/occupations/secret",
        "headers": [],
        "query_string": b"q=secret",
    }
    asyncio.run(Observe(app, metrics)(scope, receive, send))
    return sent


def samples(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample of the text that Prometheus fetches, by name and labels, as its own parser reads it."""
    text = bytes(metrics.response().body).decode()
    families = text_string_to_metric_families(text)
    return {
        (each.name, tuple(value for _, value in sorted(each.labels.items()))): each.value
        for family in families
        for each in family.samples
    }


def test_a_request_is_counted_by_route_method_and_status(metrics: Metrics) -> None:
    for method in ("GET", "POST", "GET"):
        ask(answered, metrics, method=method)
    found = samples(metrics)
    assert found["laborllm_requests_total", ("GET", Route.path, "418")] == 2
    assert found["laborllm_requests_total", ("POST", Route.path, "418")] == 1
    assert found["laborllm_request_seconds_count", (Route.path,)] == 3
    assert found["laborllm_request_seconds_bucket", ("+Inf", Route.path)] == 3
    assert "secret" not in bytes(metrics.response().body).decode()


def test_methods_of_a_clients_own_are_one(metrics: Metrics) -> None:
    """Were each a label, a client could fill the memory of the server, and write into its log."""
    for method in ("SECRET", "XYZZY", "get", *METHODS):
        ask(answered, metrics, method=method)
    counted = {
        labels[0]: count for (name, labels), count in samples(metrics).items() if name.endswith("requests_total")
    }
    assert counted == {"other": 3} | dict.fromkeys(METHODS, 1)


def test_a_request_that_fails_is_one_of_status_500(metrics: Metrics) -> None:
    with pytest.raises(ValueError, match="the secret title"):
        ask(failing, metrics)
    assert samples(metrics)["laborllm_requests_total", ("GET", "unknown", "500")] == 1


def test_what_is_no_request_passes_by(metrics: Metrics) -> None:
    started = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        started.append(scope["type"])

    ask(app, metrics, kind="lifespan")
    assert started == ["lifespan"]
    assert not any(name.endswith("requests_total") for name, _ in samples(metrics))


def test_batches_and_those_who_wait_are_watched(batches: Batches, metrics: Metrics) -> None:
    held, waiting = threading.Event(), []

    def compute(items: object, on_progress: object) -> list[None]:
        held.wait(10)
        return [None] * len(list(items))  # type: ignore[call-overload]

    async def three() -> None:
        tasks = [asyncio.create_task(batches.submit("key", compute, None)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting.append(samples(metrics)["laborllm_waiting", ()])
        held.set()
        await asyncio.gather(*tasks)

    asyncio.run(three())
    found = samples(metrics)
    assert waiting == [3]
    assert found["laborllm_waiting", ()] == 0
    assert found["laborllm_batch_size_sum", ()] == 3
    assert found["laborllm_batch_size_count", ()] == found["laborllm_batch_size_bucket", ("4.0",)]


def test_lines_go_to_standard_error_as_json(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the configuration that the server hands to uvicorn; what was there before is put back."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    names = ("laborllm.serve", "uvicorn", "uvicorn.access")
    kept = {name: (log.handlers[:], log.level, log.propagate) for name in names if (log := logging.getLogger(name))}
    try:
        logging.config.dictConfig(LOGGING)
        ask(answered, metrics)
        logging.getLogger("uvicorn.access").info("127.0.0.1 asked for /v1/occupations/secret")
    finally:
        for name, (handlers, level, propagate) in kept.items():
            log = logging.getLogger(name)
            log.handlers, log.propagate = handlers, propagate
            log.setLevel(level)
    (line,) = (json.loads(line) for line in stream.getvalue().splitlines())
    assert line | {"time": None, "ms": None} == {
        "time": None,
        "level": "info",
        "event": "request",
        "route": Route.path,
        "method": "GET",
        "status": 418,
        "ms": None,
        "bytes": 4,
    }
    assert line["ms"] >= 0
    assert abs((datetime.now(UTC) - datetime.fromisoformat(line["time"])).total_seconds()) < 600


def test_the_place_of_an_error_is_where_it_was_raised_and_not_where_it_was_caught() -> None:
    def deep() -> None:
        raise KeyError("the secret title")

    try:
        deep()
    except KeyError as error:
        caught = (type(error), error, error.__traceback__)
        record = LOGGER.makeRecord("laborllm.serve", logging.ERROR, "", 0, "it failed", (), caught)
    line = json.loads(JsonLines().format(record))
    raised = deep.__code__.co_firstlineno + 1
    assert (line["event"], line["error"], line["level"]) == ("error", "KeyError", "error")
    assert line["place"] == f"{__file__}:{raised}"
    assert "secret" not in json.dumps(line)
