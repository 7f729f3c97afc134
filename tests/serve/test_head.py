"""HEAD is answered as GET is, without the body."""

import pytest
from starlette.testclient import TestClient

PLACES = [
    "/",
    "/groups",
    "/occupations",
    "/occupations/436",
    "/api",
    "/static/serve.css",
    "/health",
    "/ready",
    "/metrics",
]
CALLS = ["/v1/models", "/v1/occupations", "/v1/occupations/436", "/openapi.json"]
REFUSED = ["/v1/occupations/0", "/nowhere", "/download", "/v1/forecast"]


@pytest.mark.parametrize("place", [*PLACES, *CALLS, *REFUSED])
def test_head_says_what_get_would(client: TestClient, place: str) -> None:
    got, head = client.get(place), client.head(place)
    assert (head.status_code, head.content) == (got.status_code, b"")
    if place != "/metrics":  # which counts these two
        assert head.headers == got.headers


def test_only_what_is_asked_for_with_get_is_asked_for_with_head(client: TestClient) -> None:
    assert client.head("/v1/forecast").headers["allow"] == "POST"
    assert client.options("/v1/models").headers["allow"] == "GET, HEAD"
