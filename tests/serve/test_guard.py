"""The door: sizes, rates, keys, names, headers."""

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from laborllm.serve import Served, Settings, create_app
from laborllm.serve.batching import Batches
from laborllm.serve.operation.guard import Guard, Rates
from laborllm.serve.operation.observe import JsonLines, Metrics, Observe
from serve.conftest import BASE, career

KEY = "a-key-of-enough-letters"
ASKED = {"careers": [career("Cooks")]}


def client_of(served: Served, **settings: object) -> TestClient:
    return TestClient(create_app(served, Settings(**settings)), base_url=BASE)  # type: ignore[arg-type]


def test_a_body_that_is_too_long_is_refused_by_its_header(served: Served) -> None:
    answer = client_of(served, body_bytes=100).post("/v1/forecast", content=b"x" * 101)
    assert (answer.status_code, answer.json()["detail"]) == (413, "the body is longer than 100 bytes")


def test_a_body_without_a_length_is_counted_while_it_arrives(served: Served) -> None:
    taken = []

    def parts() -> Iterator[bytes]:
        for _ in range(10):
            taken.append(60)
            yield b"x" * 60

    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts()]
    seen = asyncio.run(_ask(served, Settings(body_bytes=100), messages))
    assert seen["status"] == 413
    assert seen["received"] == 2  # and not the eight that follow


def test_a_request_has_no_more_titles_than_it_may(served: Served) -> None:
    client = client_of(served, titles=2)
    for titles, status in ((["Cooks", "Cashiers", "Cooks"], 200), (["Cooks", "Cashiers", "Cook"], 422)):
        answer = client.post("/v1/forecast", json={"careers": [career(*titles)]})
        assert answer.status_code == status
    assert answer.json()["detail"] == "3 different titles are too many for one request: at most 2"


def test_a_slow_body_is_given_up(served: Served) -> None:
    seen = asyncio.run(_ask(served, Settings(body_seconds=0.05), []))
    assert seen["status"] == 408


def test_a_client_that_asks_too_often_must_wait(served: Served) -> None:
    client = client_of(served, rate=0.5, burst=2)
    statuses = [client.get("/static/icon.svg") for _ in range(3)]
    assert [answer.status_code for answer in statuses] == [200, 200, 429]
    assert statuses[-1].headers["retry-after"] == "2"
    assert client.get("/v1/nowhere").status_code == 429


def test_a_bucket_fills_with_time_and_to_its_brim() -> None:
    rates = Rates(rate=2.0, burst=3)
    assert [rates.wait("a", 0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert rates.wait("b", 0.0) == 0
    assert [rates.wait("a", 0.5), rates.wait("a", 0.5)] == [0, 0.5]
    assert [rates.wait("a", 100.0) for _ in range(4)] == [0, 0, 0, 0.5]


SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/",
    "server": ("h", 1),
    "headers": [],
    "client": ("c", 1),
    "query_string": b"",
}
JSON = {"Content-Type": "application/json"}
BODY = json.dumps(ASKED)


@pytest.mark.parametrize(
    ("status", "method", "place", "headers", "detail"),
    [
        (404, "GET", "/v1/nowhere", {}, "there is nothing at this address"),
        (404, "GET", "/v1/occupations/0", {}, "the taxonomy has no occupation with that code"),
        (405, "GET", "/v1/forecast", {}, "this address does not take that method"),
        (406, "POST", "/v1/forecast", JSON | {"Accept": "image/png"}, "this call answers as application/json only"),
        (406, "GET", "/v1/models", {"Accept": "text/html"}, "this call answers as application/json only"),
        (406, "POST", "/v1/simulate", JSON | {"Accept": "text/html"}, "application/json or text/event-stream only"),
        (415, "POST", "/v1/forecast", {"Content-Type": "text/plain"}, "the body must be JSON"),
        (415, "POST", "/v1/forecast", {}, "the body must be JSON"),
        (422, "POST", "/v1/titles", JSON, "titles: Field required"),
    ],
)
def test_every_refusal_of_the_api_is_a_problem(
    client: TestClient, status: int, method: str, place: str, headers: dict[str, str], detail: str
) -> None:
    answer = client.request(method, place, content=BODY if method == "POST" else None, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert problem["status"] == status
    assert detail in problem["detail"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[" * 50_000, b'{"careers": "\xff"}', b'{"top": ' + b"9" * 5_000 + b"}"],
    ids=["none", "part", "deep", "bytes", "long"],
)
def test_what_is_no_json_is_said_to_be_none(client: TestClient, body: bytes) -> None:
    answer = client.post("/v1/forecast", content=body, headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["detail"] == ("Field required" if not body else "the body is not JSON, as text in UTF-8")


@pytest.mark.parametrize(
    ("content_type", "accept"),
    [
        ("application/json; charset=utf-8", "*/*"),
        ("application/vnd.career+json", "application/*"),
        ("APPLICATION/JSON", "text/html, application/json;q=0.5"),
    ],
)
def test_json_is_taken_and_given_however_it_is_said(client: TestClient, content_type: str, accept: str) -> None:
    headers = {"Content-Type": content_type, "Accept": accept}
    assert client.post("/v1/forecast", content=BODY, headers=headers).status_code == 200


def test_a_browser_is_shown_a_page_of_what_went_wrong(served: Served) -> None:
    client = client_of(served, rate=1e-3, burst=2)
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    answers = [client.get(place, headers=browser) for place in ("/nowhere", "/occupations/0", "/")]
    assert [answer.status_code for answer in answers] == [404, 404, 429]
    for answer, said in zip(answers, ("nothing at this address", "no occupation with that code", "slow"), strict=True):
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["content-security-policy"]
        assert said in answer.text
    assert answers[-1].headers["retry-after"]
    assert client.get("/v1/models", headers=browser).headers["content-type"] == "application/problem+json"


def test_without_a_key_nothing_is_answered(served: Served) -> None:
    client = client_of(served, keys=(KEY,))
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic !"}, {"Authorization": KEY}):
        answer = client.post("/v1/forecast", json=ASKED, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")
    assert client.get("/").status_code == 401


def test_a_key_opens_as_a_bearer_and_as_a_password(served: Served) -> None:
    client = client_of(served, keys=("another-key-altogether", KEY))
    assert client.post("/v1/forecast", json=ASKED, headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
    assert client.get("/", auth=("anybody", KEY)).status_code == 200


def test_on_loopback_the_server_goes_by_no_other_name(served: Served) -> None:
    client = client_of(served)
    assert client.get("/", headers={"Host": "evil.example:8000"}).status_code == 400
    assert client.get("/", headers={"Host": "localhost:8000"}).status_code == 200
    assert client.get("/", headers={"Host": "[::1]:8000"}).status_code == 200
    assert client_of(served, host="0.0.0.0").get("/", headers={"Host": "work.example"}).status_code == 200


def test_another_site_cannot_post(served: Served) -> None:
    answer = client_of(served).post("/", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize("place", ["/", "/v1/nowhere", "/static/serve.css"])
def test_every_answer_tells_browsers_to_be_strict(client: TestClient, place: str) -> None:
    headers = client.get(place).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert headers["cache-control"] == ("max-age=86400" if place.startswith("/static") else "no-store")


def test_a_page_holds_no_script_or_style_of_its_own(client: TestClient) -> None:
    text = client.post("/", data={"action": "example-0"}).text
    assert "<script>" not in text
    assert "<style" not in text
    assert " style=" not in text
    assert " onclick=" not in text


def test_a_log_line_holds_route_and_result_and_no_content(
    served: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("laborllm.serve"), "propagate", True)
    with caplog.at_level(logging.INFO, "laborllm.serve"):
        client_of(served).post("/v1/forecast?name=secret", json={"careers": [career("Cooks", gender="secret")]})
    (record,) = caplog.records
    line = json.loads(JsonLines().format(record))
    assert (line["route"], line["method"], line["status"]) == ("/v1/forecast", "POST", 200)
    assert "secret" not in json.dumps(line)
    assert "Cooks" not in json.dumps(line)


def test_an_error_is_logged_by_kind_and_place_without_its_message() -> None:
    try:
        raise ValueError("the secret title")
    except ValueError as error:
        record = logging.LogRecord("uvicorn", logging.ERROR, "", 0, "failed", None, (type(error), error, None))
        record.exc_info = (type(error), error, error.__traceback__)
    line = json.loads(JsonLines().format(record))
    assert line["error"] == "ValueError"
    assert line["place"].startswith(__file__)
    assert "secret" not in json.dumps(line)


def test_requests_are_counted(served: Served) -> None:
    client = client_of(served)
    client.post("/v1/forecast", json=ASKED)
    client.get("/nowhere")
    text = client.get("/metrics").text
    assert 'laborllm_requests_total{method="POST",route="/v1/forecast",status="200"} 1.0' in text
    assert 'laborllm_requests_total{method="GET",route="unknown",status="404"} 1.0' in text
    assert "laborllm_batch_size_count 1.0" in text


def test_the_answer_to_a_client_that_has_left_is_given_up() -> None:
    given_up, counted = [], Metrics(Batches(1))

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            given_up.append(scope["path"])
            raise

    async def ask() -> None:
        messages: Iterator[Message] = iter([{"type": "http.request", "body": b""}, {"type": "http.disconnect"}])

        async def receive() -> Message:
            return next(messages)

        async def send(message: Message) -> None:
            raise AssertionError("nobody is there to hear it")

        await Observe(Guard(slow, Settings(), frozenset()), counted)(dict(SCOPE), receive, send)

    asyncio.run(ask())
    assert given_up == ["/"]
    assert counted.registry.get_sample_value(
        "laborllm_requests_total", {"route": "unknown", "method": "POST", "status": "499"}
    )


async def _ask(served: Served, settings: Settings, messages: list[dict[str, object]]) -> dict[str, int]:
    """What the guard makes of a body that comes in messages, and then stalls."""
    seen = {"received": 0, "status": 0}

    async def receive() -> Message:
        if seen["received"] == len(messages):
            await asyncio.sleep(5)
        seen["received"] += 1
        return messages[seen["received"] - 1]

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            seen["status"] = message["status"]

    await Guard(create_app(served), settings, frozenset())(dict(SCOPE), receive, send)
    return seen
