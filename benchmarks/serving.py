"""How many requests a server answers: by clients at once, at its limits, and over time."""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import polars as pl

import laborllm as ll
from laborllm.occupations import Taxonomy
from laborllm.serve.settings import VERSION

CLIENTS = (1, 8, 32)
OVERLOAD = 160  # clients at once, more than may wait
GROUPS = (12, 20, 30, 60)  # people
PARTS = 4  # of the soak of all calls: memory that still grows in the last ones does not only warm up
STARTS_WITHIN = 300.0  # seconds
KILOBYTES = 1024

Call = Callable[[], tuple[str, Any]]
"""Makes a request: its path, and its body or the fields of its form, or None to get a page."""


@dataclass(frozen=True)
class Answered:
    """A request: how long it took, in seconds, and its status."""

    seconds: float
    status: int


@dataclass(frozen=True)
class Server:
    """A server that runs: its process, its port, and how long it took to be ready."""

    process: int
    port: int
    started: float

    def memory(self) -> float:
        """Its resident memory in MB."""
        line = next(line for line in Path(f"/proc/{self.process}/status").read_text().splitlines() if "VmRSS" in line)
        return int(line.split()[1]) / KILOBYTES


def measure_serving(
    run: Path, *, seconds: float = 10.0, soak: float = 60.0, draws: int = 1000, seed: int = 0
) -> pl.DataFrame:
    """Ask a server of a run folder for forecasts and for simulations over five years.

    Args:
        run: The run folder.
        seconds: How long each number of clients asks.
        soak: How long eight clients ask at the end, twice for forecasts, and four times for all calls (of twelve
            requests five forecasts, two pages with a forecast, a page of an occupation, titles to code, a simulation, a
            what-if and a group), while memory is watched.
        draws: Paths of a simulation.
        seed: Draws the careers that are asked about.

    Returns:
        Columns what, clients, requests_per_second, p50_ms, p95_ms, p99_ms (of those that were answered, where any was),
        refused (429 or 503), failed (any other status but 200), and memory_mb after it.
    """
    taxonomy = ll.load(run).record.taxonomy
    titles, draw = list(taxonomy.titles), random.Random(seed)
    asked: dict[str, Call] = {
        "forecast": lambda: ("/v1/forecast", {"careers": [_career(draw, titles)]}),
        "simulation": lambda: ("/v1/simulate", {"careers": [_career(draw, titles)], "horizon": 5, "draws": draws}),
    }
    with _server(run) as server:
        rows = [{"what": "start until ready", "p50_ms": 1000 * server.started, "memory_mb": server.memory()}]
        for what, body in asked.items():
            for clients in CLIENTS:
                rows.append(_row(server, what, clients, *_ask(server.port, body, clients, seconds)))
        overloaded, took = _ask(server.port, asked["simulation"], OVERLOAD, seconds)
        rows.append(_row(server, "overload, answered", OVERLOAD, _with(overloaded, 200), took))
        rows.append(_row(server, "overload, refused", OVERLOAD, _with(overloaded, 429, 503), took))
        rows.append(_row(server, "forecast after overload", 1, *_ask(server.port, asked["forecast"], 1, seconds)))
        mixed = _mixed(draw, taxonomy, asked, draws)
        soaks: list[tuple[str, Call, int]] = [("forecasts", asked["forecast"], 2)]
        soaks.append(("all calls", lambda: draw.choice(mixed)(), PARTS))
        for what, body, parts in soaks:
            for part in range(1, parts + 1):
                rows.append(_row(server, f"soak of {what}, {part} of {parts}", 8, *_ask(server.port, body, 8, soak)))
    return pl.DataFrame(rows, infer_schema_length=None)


def _mixed(draw: random.Random, taxonomy: Taxonomy, asked: dict[str, Call], draws: int) -> list[Call]:
    """Twelve calls, which eight clients draw from."""
    titles, codes = list(taxonomy.titles), taxonomy.codes
    groups = [{"people": [{"career": _career(draw, titles)} for _ in range(size)], "horizon": 5} for size in GROUPS]

    def what_if() -> tuple[str, Any]:
        career = _career(draw, titles)
        *before, last = career["records"]
        other = career | {"records": [*before, last | {"title": draw.choice(titles)}]}
        return "/v1/what-if", {"career": career, "other": other, "horizon": 5, "draws": draws}

    def page() -> tuple[str, Any]:
        return "/", {"title": draw.choice(titles), "start": str(draw.randint(2010, 2020)), "end": "2024"}

    def coded() -> tuple[str, Any]:
        return "/v1/titles", {"titles": [f"{word} {draw.choice(titles)}" for word in ("Senior", "Night", "Lead")]}

    def occupation() -> tuple[str, Any]:
        return f"/occupations/{draw.choice(codes)}", None

    def group() -> tuple[str, Any]:
        return "/v1/group", draw.choice(groups)

    return [asked["forecast"]] * 5 + [page] * 2 + [occupation, coded, asked["simulation"], what_if, group]


@contextmanager
def _server(run: Path) -> Iterator[Server]:
    """A server of a run folder in a process of its own, which lets clients ask as often as they like."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = ["from laborllm.cli import main; raise SystemExit(main())", "serve", str(run), "--unaudited"]
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", *command, "--port", str(port), "--rate", "1e9"], stderr=subprocess.DEVNULL
    )
    try:
        while not _is_ready(port):
            if process.poll() is not None or time.perf_counter() - start > STARTS_WITHIN:
                raise RuntimeError("the server did not start")
            time.sleep(0.05)
        yield Server(process.pid, port, time.perf_counter() - start)
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(30)


def _is_ready(port: int) -> bool:
    try:
        return _request(http.client.HTTPConnection("127.0.0.1", port, timeout=5), "/ready", None).status == 200
    except OSError:
        return False


def _ask(port: int, body: Call, clients: int, seconds: float) -> tuple[list[Answered], float]:
    """What some clients are answered who each ask anew as soon as they have an answer, and how long all took."""
    begun = time.perf_counter()
    until = begun + seconds
    answered: list[Answered] = []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while time.perf_counter() < until:
            answered.append(_request(connection, *body()))

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answered, time.perf_counter() - begun


def _request(connection: http.client.HTTPConnection, path: str, body: Any) -> Answered:
    start, method = time.perf_counter(), "GET" if body is None else "POST"
    is_api = path.startswith(VERSION)
    content = None if body is None else json.dumps(body) if is_api else urlencode(body)
    kind = "application/json" if is_api else "application/x-www-form-urlencoded"
    connection.request(method, path, content, {"Content-Type": kind})
    answer = connection.getresponse()
    answer.read()
    return Answered(time.perf_counter() - start, answer.status)


def _career(draw: random.Random, titles: list[str]) -> dict[str, Any]:
    """A career of one to twelve years that nobody had."""
    first, current, records = draw.randint(2000, 2012), draw.choice(titles), []
    for year in range(first, first + draw.randint(1, 12)):
        current = draw.choice(titles) if draw.random() < 0.3 else current
        records.append({"year": year, "title": current, "education": "high school"})
    return {"records": records, "birth_year": first - draw.randint(18, 30)}


def _with(answered: list[Answered], *statuses: int) -> list[Answered]:
    return [each for each in answered if each.status in statuses]


def _row(server: Server, what: str, clients: int, answered: list[Answered], seconds: float) -> dict[str, Any]:
    statuses = Counter(each.status for each in answered)
    refused = statuses[429] + statuses[503]
    counted = [each for each in answered if each.status == HTTPStatus.OK] or answered  # of the refused where all are
    times = [1000 * each.seconds for each in counted] or [float("nan")]
    p50, p95, p99 = np.quantile(times, (0.5, 0.95, 0.99)).tolist()
    return {
        "what": what,
        "clients": clients,
        "requests_per_second": len(counted) / seconds,
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "refused": refused,
        "failed": len(answered) - refused - statuses[200],
        "memory_mb": server.memory(),
    }
