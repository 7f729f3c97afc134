"""The page of the API: every call that clients can make, each with a command that makes it."""

import json
import re
import shlex
from html import unescape

import pytest
from starlette.testclient import TestClient

from laborllm.serve import Served, Settings, create_app
from laborllm.serve.api.examples import BODIES
from serve.conftest import BASE, OPEN


@pytest.fixture(scope="module")
def page(client: TestClient) -> str:
    return client.get("/api").raise_for_status().text


def commands(page: str) -> dict[str, list[str]]:
    """The words of the command of each call, by its path."""
    found = re.findall(r"<code>(/[^<]*)</code></h2>.*?<pre[^>]*><code>(.*?)</code>", page, re.DOTALL)
    return {unescape(path): shlex.split(unescape(command).replace("\\\n", "")) for path, command in found}


def test_every_call_of_the_description_is_on_the_page(page: str, client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert set(commands(page)) == set(paths)
    for path, methods in paths.items():
        for method, said in methods.items():
            assert f'<span class="method">{method.upper()}</span> <code>{path}</code>' in page
            assert f"<strong>{said['summary']}.</strong>" in unescape(page)


def test_every_command_that_asks_gets_an_answer(page: str, client: TestClient) -> None:
    """As curl would make it."""
    for path, words in commands(page).items():
        program, place, *options = words
        assert program == "curl"
        assert place.startswith(BASE)
        if not options:
            assert client.get(place).status_code == 200
            continue
        flag, body = options
        assert flag == "--json"
        assert json.loads(body) == BODIES[path]
        assert client.post(place, json=json.loads(body)).status_code == 200


def test_keys_are_spoken_of_where_they_are_needed(served: Served, page: str) -> None:
    assert "needs an API key" not in page
    key = "a-key-of-enough-letters"
    keyed = TestClient(create_app(served, Settings(keys=(key,))), base_url=BASE)
    assert keyed.get("/api").status_code == 401
    answer = keyed.get("/api", headers={"Authorization": f"Bearer {key}"})
    assert "needs an API key" in answer.text
    assert key not in answer.text


def test_words_between_backticks_are_code(page: str) -> None:
    assert "<code>Accept: text/event-stream</code>" in page
    assert "`" not in re.sub(r"<pre.*?</pre>", "", page, flags=re.DOTALL)


def test_only_the_files_of_the_pages_can_be_asked_for(served: Served) -> None:
    client = TestClient(create_app(served, OPEN), base_url=BASE)
    for name, kind in {"serve.css": "text/css", "htmx.min.js": "text/javascript", "icon.svg": "image/svg+xml"}.items():
        answer = client.get(f"/static/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
    for name in ("render.py", "..%2f..%2fapi.py", "templates", "none.css"):
        answer = client.get(f"/static/{name}")
        assert answer.status_code == 404
        assert "def " not in answer.text
