"""What a server allows: where it listens, how much it takes at a time, who may ask."""

import math
from dataclasses import dataclass

from laborllm.errors import OptionError

VERSION = "/v1"
"""What the path of every call of the API begins with."""


@dataclass(frozen=True)
class Settings:
    """How a server behaves.

    Attributes:
        host: Address to listen on. Loopback is this machine only.
        port: Port to listen on.
        keys: API keys, one of which every request must carry; none: everybody may ask.
        rate: Requests a second that one client may make in the long run.
        burst: Requests that one client may make at once.
        body_bytes: The longest body of a request.
        body_seconds: How long a body may take to arrive.
        waiting: Requests that may wait for the model.
        answer_seconds: How long a request may take, waiting included.
        people: Careers in one request.
        group: Careers in one group.
        titles: Different titles in one request.
        paths: Draws of one career.
        horizon: Years ahead.
        person_years: People times draws times years of one request.
        stop_seconds: How long running requests may still take once the server is asked to stop.

    Raises:
        OptionError: A rate that lets nobody in.

    Examples:
        >>> Settings(port=9000).host
        '127.0.0.1'
    """

    host: str = "127.0.0.1"
    port: int = 8000
    keys: tuple[str, ...] = ()
    rate: float = 20.0
    burst: int = 60
    body_bytes: int = 1_000_000
    body_seconds: float = 10.0
    waiting: int = 64
    answer_seconds: float = 60.0
    people: int = 100
    group: int = 1_000
    titles: int = 2_000
    paths: int = 2_000
    horizon: int = 20
    person_years: int = 1_000_000
    stop_seconds: int = 15

    def __post_init__(self) -> None:
        if not (self.rate > 0 and math.isfinite(self.rate)):
            raise OptionError(f"a client may make {self.rate:g} requests a second: the rate must be a number above 0")
