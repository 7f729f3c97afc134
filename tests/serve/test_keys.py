"""What a server needs before it listens: keys that are long enough, a free port, a rate that lets somebody in."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from laborllm.errors import OptionError
from laborllm.serve import Settings
from laborllm.serve.operation.guard import known_hosts
from laborllm.serve.run import SHORTEST, read_keys, require_free

KEY, OTHER = "a-key-of-enough-letters", "another-key-altogether"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def keys(folder: Path, content: bytes) -> tuple[str, ...]:
    (folder / "keys").write_bytes(content)
    return read_keys(folder / "keys")


def test_without_a_file_there_are_no_keys() -> None:
    assert read_keys(None) == ()


@pytest.mark.parametrize(
    "content",
    [
        f"{KEY}\n{OTHER}\n",
        f"{KEY}\r\n{OTHER}\r\n",
        f"\n  {KEY}\t\n\n\n{OTHER}",
    ],
)
def test_a_key_is_a_line_without_the_space_around_it(content: str, tmp_path: Path) -> None:
    assert keys(tmp_path, content.encode()) == (KEY, OTHER)


@pytest.mark.parametrize("content", ["", "\n \n", "short\n", f"{KEY}\nshort\n", "x" * (SHORTEST - 1)])
def test_a_short_key_or_none_is_refused(content: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=f"must hold keys of at least {SHORTEST} letters, one a line"):
        keys(tmp_path, content.encode())
    assert keys(tmp_path, b"x" * SHORTEST) == ("x" * SHORTEST,)


def test_what_is_no_file_of_text_is_refused_and_not_quoted(tmp_path: Path) -> None:
    for place in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(OptionError, match="cannot read keys from"):
            read_keys(place)
    with pytest.raises(OptionError, match="cannot read keys from") as refused:
        keys(tmp_path, KEY.encode("utf-16"))
    assert KEY not in str(refused.value)


def test_a_port_that_somebody_has_is_refused_and_a_free_one_is_not(taken: int) -> None:
    with pytest.raises(OptionError, match=f"cannot listen on port {taken} of 127.0.0.1: "):
        require_free(Settings(port=taken))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    require_free(Settings(port=port))
    require_free(Settings(port=port))  # trying took nothing


@pytest.mark.parametrize("port", [-1, 65_536, 10**9])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(OptionError, match=f"cannot listen on port {port} of 127.0.0.1: "):
        require_free(Settings(port=port))


def test_an_address_that_this_machine_has_not_is_refused() -> None:
    with pytest.raises(OptionError, match=r"cannot listen on port 8000 of 192\.0\.2\.1: "):  # kept for documentation
        require_free(Settings(host="192.0.2.1"))
    with pytest.raises(OptionError, match="of 2001:db8::1: "):
        require_free(Settings(host="2001:db8::1"))


@pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan")])
def test_a_rate_lets_somebody_in(rate: float) -> None:
    with pytest.raises(OptionError, match="requests a second: the rate must be a number above 0"):
        Settings(rate=rate)
    assert Settings(rate=1e-6).rate == 1e-6


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_a_server_for_this_machine_goes_by_its_names(host: str) -> None:
    assert known_hosts(Settings(host=host)) == {"127.0.0.1", "localhost", "::1", host}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "work.example"])
def test_a_server_for_others_goes_by_any_name(host: str) -> None:
    assert known_hosts(Settings(host=host)) == set()
