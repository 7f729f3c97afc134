"""The engines on one machine: how fast each is, and that all write the same bytes, whoever is killed on the way."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from json import dumps, loads
from pathlib import Path

import polars as pl

import laborllm as ll
from laborllm.errors import RunError
from laborllm.storage import file_hash, make_folder

RAY = ("--engine", "ray", "--processes", "2")
KILLED = "Ray, an actor and the driver killed"
LOCAL: dict[str, tuple[str, ...]] = {"one process": (), "two processes": ("--processes", "2")}
ENGINES = LOCAL | {"Ray, two actors": RAY, KILLED: RAY}
VERBS: dict[str, tuple[str, ...]] = {
    "forecast": (),
    "simulate": ("--years", "2031", "2033", "--draws", "50", "--top", "5"),
}
READY_BEFORE_A_KILL = 3  # shards
ATTEMPTS = 5


def measure_engines(
    workers: int, folder: Path, *, engines: Mapping[str, Sequence[str]] = ENGINES, seed: int = 0
) -> pl.DataFrame:
    """Forecast and simulate synthetic careers on every engine of this machine.

    Args:
        workers: How many careers.
        folder: Where to put panel, model and results; some gigabytes for 100,000 careers. What was measured there
            before an interruption is not measured again.
        engines: Options of each engine; the first is what the others are compared with.
        seed: Seed of the careers.

    Returns:
        Columns verb, engine, seconds, workers_per_second and same_bytes (as the first engine).

    Raises:
        RunError: A command failed.
    """
    make_folder(folder)
    panel, run, measured = folder / "panel.parquet", folder / "run", folder / "measured.jsonl"
    if not run.is_dir():
        ll.import_synthetic(workers=workers, seed=seed).save(panel)
        ll.fit("transition", panel, out=run)
    for verb, options in VERBS.items():
        for engine, where in engines.items():
            if (verb, engine) in _rows(measured):
                continue
            out = folder / "result.parquet"
            shutil.rmtree(f"{out}.shards", ignore_errors=True)
            command = [sys.executable, "-m", "laborllm", verb, str(run), str(panel), *options, *where]
            start = time.monotonic()
            if engine == KILLED:
                _run_and_kill([*command, "--out", str(out)], out)
            _run([*command, "--out", str(out)])
            seconds = time.monotonic() - start
            with measured.open("a") as file:
                file.write(dumps([verb, engine, seconds, file_hash(out)]) + "\n")
            out.unlink()
    return _compared(workers, _rows(measured))


def _rows(measured: Path) -> dict[tuple[str, str], tuple[float, str]]:
    """What was measured so far: seconds and the hash of the result, by verb and engine."""
    lines = measured.read_text().splitlines() if measured.is_file() else []
    return {(verb, engine): (seconds, sha256) for verb, engine, seconds, sha256 in map(loads, lines)}


def _compared(workers: int, rows: Mapping[tuple[str, str], tuple[float, str]]) -> pl.DataFrame:
    first: dict[str, str] = {}
    table = [
        (verb, engine, seconds, workers / seconds, sha256 == first.setdefault(verb, sha256))
        for (verb, engine), (seconds, sha256) in rows.items()
    ]
    return pl.DataFrame(table, ["verb", "engine", "seconds", "workers_per_second", "same_bytes"], orient="row")


def _run(command: Sequence[str]) -> None:
    """Run a command to its end; a cluster that does not start in time, as on a busy machine, is asked again."""
    for _ in range(ATTEMPTS):
        done = subprocess.run(command, capture_output=True, text=True)
        if not done.returncode:
            return
    raise RunError(f"{' '.join(command)} failed: {done.stderr.strip()}")


def _run_and_kill(command: Sequence[str], out: Path) -> None:
    """Run a command on a cluster, kill one of its actors on the way, and then the command itself."""
    shards = Path(f"{out}.shards")
    for _ in range(ATTEMPTS):
        driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        before = len(_finished(shards))
        for victims in (_actors, lambda: [driver.pid]):  # noqa: B023 -- called in this turn
            while driver.poll() is None and len(_finished(shards)) < before + READY_BEFORE_A_KILL:
                time.sleep(0.05)
            before = len(_finished(shards))
            if driver.poll() is None:
                os.kill(victims()[0], signal.SIGKILL)
        if driver.wait() == -signal.SIGKILL:
            return
        if driver.returncode == 0:
            raise RunError(f"{' '.join(command)} ended before it could be killed: take more careers")
    raise RunError(f"{' '.join(command)} did not start")


def _finished(shards: Path) -> list[Path]:
    return [*shards.glob("[0-9]*.parquet")]


def _actors() -> list[int]:
    """Processes of Ray actors that hold a model."""
    found = subprocess.run(["pgrep", "-f", "ray::.*(Map|Actor)"], capture_output=True, text=True)
    return [int(process) for process in found.stdout.split()]
